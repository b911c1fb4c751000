"""What to do about an exception of a script, in words."""
from __future__ import annotations

import re

from localxsoar import pack
from localxsoar.container import Runtime

MISSING_MODULE = re.compile(r"ModuleNotFoundError: No module named '([\w.]+)'")
MISSING_NAME = re.compile(r"NameError: name '(\w+)' is not defined")
# Names to install, where they differ from the module's name.
DISTRIBUTIONS = {'bs4': 'beautifulsoup4', 'cv2': 'opencv-python', 'dateutil': 'python-dateutil', 'jwt': 'PyJWT', 'yaml': 'PyYAML',
                 'Crypto': 'pycryptodome', 'slack_sdk': 'slack-sdk', 'OpenSSL': 'pyOpenSSL', 'PIL': 'Pillow'}


def explain(exception: str, integration: pack.Integration, runtime: Runtime) -> str:
    """Return what to do about an exception, or '' if it is unknown. Without an exception, explain that a script ended."""
    if missing := MISSING_MODULE.search(exception):
        image = integration.descriptor['script'].get('dockerimage') or 'its image'
        name = missing[1].partition('.')[0]
        return (f'The Python of the container lacks the module {name}, which {image} has. Run '
                f'{runtime.python} -m pip install {DISTRIBUTIONS.get(name, name)}, or choose another Python with --python PATH.')
    if (missing := MISSING_NAME.search(exception)) and runtime.common_server_python == pack.CARRIED_COMMON_SERVER_PYTHON:
        return (f'If {missing[1]} belongs to CommonServerPython: the subset in the local XSOAR lacks it. '
                'Give the real file with --common-server-python FILE.')
    return '' if exception else 'The script came to its end, but a long-running script must run until its instance is disabled.'
