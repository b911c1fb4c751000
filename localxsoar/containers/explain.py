"""What to do about an exception of a script, in words."""
from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from localxsoar.packs import pack
from localxsoar.containers.container import Runtime
from localxsoar.packs.repository import HOW_TO_GET

MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
MISSING_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
MISSING_SOCKS = 'Missing dependencies for SOCKS support'  # requests has another message for it than Python
# What Python 3 says of a script for Python 2.
PYTHON_2 = re.compile(r"""
    Missing\ parentheses\ in\ call\ to\ 'print' | multiple\ exception\ types\ must\ be\ parenthesized
  | leading\ zeros\ in\ decimal\ integer\ literals | inconsistent\ use\ of\ tabs
  | name\ '(?:basestring|long|raw_input|reload|unichr|unicode|xrange)'\ is\ not\ defined
  | No\ module\ named\ '(?:ConfigParser|HTMLParser|Queue|StringIO|cPickle|cookielib|httplib|urllib2|urlparse)'
  | has\ no\ attribute\ '(?:has_key|iteritems|itervalues)'""", re.VERBOSE)
IS_PYTHON_2 = 'The script is written for Python 2{}. The local XSOAR runs Python 3 only: port the script first.'
# Names to install, where they differ from the module's name.
DISTRIBUTIONS = {
    'Crypto': 'pycryptodome', 'OpenSSL': 'pyOpenSSL', 'PIL': 'Pillow', 'bs4': 'beautifulsoup4', 'cv2': 'opencv-python',
    'dateutil': 'python-dateutil', 'dns': 'dnspython', 'docx': 'python-docx', 'git': 'GitPython',
    'googleapiclient': 'google-api-python-client', 'jwt': 'PyJWT', 'ldap': 'python-ldap', 'magic': 'python-magic',
    'nacl': 'PyNaCl', 'slack_sdk': 'slack-sdk', 'socks': 'PySocks', 'yaml': 'PyYAML', 'zmq': 'pyzmq'}


def explain(exception: str, script: Mapping[str, Any], runtime: Runtime) -> str:
    """Return what to do about an exception of a script, by its descriptor, or '' if it is unknown.

    Without an exception, explain that a long-running script ended.
    """
    is_declared = script.get('subtype') == 'python2'
    if PYTHON_2.search(exception) or (is_declared and 'SyntaxError' in exception):
        return IS_PYTHON_2.format(', as its descriptor says (subtype: python2)' if is_declared else '')
    missing = MISSING_MODULE.search(exception)
    if missing or MISSING_SOCKS in exception:
        name = missing[1].partition('.')[0] if missing else 'socks'
        why = (f"Check the spelling of {name}. If {script.get('dockerimage') or 'its image'} has this module, run" if missing
               else f'SOCKS needs the module {name}. Run')
        return (f'{why} {runtime.python} -m pip install {DISTRIBUTIONS.get(name, name)}, or choose another Python with '
                '--python PATH.')
    if (missing := MISSING_NAME.search(exception)) and runtime.common_server_python == pack.CARRIED_COMMON_SERVER_PYTHON:
        return (f'If {missing[1]} belongs to CommonServerPython: the subset in the local XSOAR lacks it. Get the whole file '
                f'once, for every pack: {HOW_TO_GET} (or give one with --common-server-python FILE)')
    return '' if exception else 'The script came to its end, but a long-running script must run until its instance is disabled.'
