"""What to do about an exception of a script, in words."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localxsoar.packs import pack
from localxsoar.containers.container import Runtime
from localxsoar.packs.repository import HOW_TO_GET

MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
MISSING_NAME = re.compile(r"""
    name\ '(?P<name>\w+)'\ is\ not\ defined | cannot\ import\ name\ '(?P<imported>\w+)'\ from\ 'CommonServerPython'
  | '(?P<owner>\w+)'(?:\ object)?\ has\ no\ attribute\ '(?P<attribute>\w+)'""", re.VERBOSE)
CLASS = re.compile(r'^ *class (\w+)', re.MULTILINE)
MISSING_SOCKS = 'Missing dependencies for SOCKS support'  # requests has another message for it than Python
# What Python 3 says of a script for Python 2.
PYTHON_2 = re.compile(r"""
    Missing\ parentheses\ in\ call\ to\ 'print' | multiple\ exception\ types\ must\ be\ parenthesized
  | leading\ zeros\ in\ decimal\ integer\ literals | inconsistent\ use\ of\ tabs
  | name\ '(?:basestring|long|raw_input|reload|unichr|unicode|xrange)'\ is\ not\ defined
  | No\ module\ named\ '(?:ConfigParser|HTMLParser|Queue|StringIO|cPickle|cookielib|httplib|urllib2|urlparse)'
  | has\ no\ attribute\ '(?:has_key|iteritems|itervalues)'""", re.VERBOSE)
IS_PYTHON_2 = 'The script is written for Python 2{}. The local XSOAR runs Python 3 only: port the script first.'
IMPORT = re.compile(r'^ +(?:from ([\w.]+) import (\w+)|import ([\w.]+))', re.MULTILINE)
# Packages that only hold others, each of which is installed by its own name: `azure.storage.blob` is in azure-storage-blob.
NAMESPACES = ('azure', 'google')
# Names to install, where they differ from the module's name.
DISTRIBUTIONS = {
    'Crypto': 'pycryptodome', 'OpenSSL': 'pyOpenSSL', 'PIL': 'Pillow', 'bs4': 'beautifulsoup4', 'cv2': 'opencv-python',
    'dateutil': 'python-dateutil', 'dns': 'dnspython', 'docx': 'python-docx', 'git': 'GitPython',
    'googleapiclient': 'google-api-python-client', 'jwt': 'PyJWT', 'ldap': 'python-ldap', 'magic': 'python-magic',
    'google.auth': 'google-auth', 'google.oauth2': 'google-auth', 'google.protobuf': 'protobuf', 'nacl': 'PyNaCl',
    'paho': 'paho-mqtt', 'vcr': 'vcrpy', 'slack_sdk': 'slack-sdk', 'socks': 'PySocks', 'yaml': 'PyYAML', 'zmq': 'pyzmq'}


def explain(exception: str, script: Mapping[str, Any], runtime: Runtime) -> str:
    """Return what to do about an exception of a script, by its descriptor, or '' if it is unknown.

    Without an exception, explain that a long-running script ended.
    """
    is_declared = script.get('subtype') == 'python2'
    if PYTHON_2.search(exception) or (is_declared and 'SyntaxError' in exception):
        return IS_PYTHON_2.format(', as its descriptor says (subtype: python2)' if is_declared else '')
    missing = MISSING_MODULE.search(exception)
    if missing or MISSING_SOCKS in exception:
        name = missing_package(missing[1], exception) if missing else 'socks'
        why = (f"Check the spelling of {name}. If {script.get('dockerimage') or 'its image'} has this module, run" if missing
               else f'SOCKS needs the module {name}. Run')
        return (f'{why} {runtime.python} -m pip install {distribution_of(name)}, or choose another Python with '
                '--python PATH.')
    if runtime.common_server_python == pack.CARRIED_COMMON_SERVER_PYTHON and (name := name_missing_in_subset(exception)):
        return (f'If {name} belongs to CommonServerPython: the subset in the local XSOAR lacks it. Get the whole file '
                f'once, for every pack: {HOW_TO_GET} (or give one with --common-server-python FILE)')
    return '' if exception else 'The script came to its end, but a long-running script must run until its instance is disabled.'


def name_missing_in_subset(exception: str) -> str:
    """Return the name that a script expects of CommonServerPython and the subset lacks, perhaps in a class of it, or ''."""
    missing = MISSING_NAME.search(exception)
    if not missing or not missing['owner']:
        return missing['name'] or missing['imported'] if missing else ''
    parts = pack.CARRIED_COMMON_SERVER_PYTHON.parent.glob('*.py')
    is_carried = any(missing['owner'] in CLASS.findall(part.read_text('utf-8')) for part in parts)
    return f'{missing["owner"]}.{missing["attribute"]}' if is_carried else ''


def missing_package(module: str, exception: str) -> str:
    """Return the name of the package to look for: of a namespace, more than the first name, as the last import has it."""
    first = module.partition('.')[0]
    imports = [f'{package}.{name}' if package else whole for package, name, whole in IMPORT.findall(exception)]
    wanted = next((each for each in reversed(imports) if each.partition('.')[0] == first), module)
    return '.'.join(part for part in wanted.split('.')[:3] if part.islower()) if first in NAMESPACES else first


def distribution_of(name: str) -> str:
    """Return what to install for a package."""
    known = [key for key in DISTRIBUTIONS if name == key or name.startswith(f'{key}.')]
    return DISTRIBUTIONS[known[-1]] if known else name.replace('.', '-')
