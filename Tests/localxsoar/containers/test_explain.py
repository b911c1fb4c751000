"""What a container's end is explained with."""

from pathlib import Path

import pytest

from localxsoar.containers.container import Runtime
from localxsoar.containers.explain import explain
from localxsoar.packs.pack import CARRIED_COMMON_SERVER_PYTHON

MISSING_NAME = "NameError: name 'tableToMarkdown' is not defined"
REAL = Runtime(common_server_python=Path('CommonServerPython.py'))
CARRIED = Runtime(common_server_python=CARRIED_COMMON_SERVER_PYTHON, python='py')


@pytest.mark.parametrize('exception, runtime, words', [
    ("ModuleNotFoundError: No module named 'yaml.nodes'", CARRIED,
     'Check the spelling of yaml. If an/image:1 has this module, run py -m pip install PyYAML,'),
    ("ModuleNotFoundError: No module named 'flask'", CARRIED,
     'Check the spelling of flask. If an/image:1 has this module, run py -m pip install flask,'),
    ("ModuleNotFoundError: No module named 'socks'", CARRIED, 'run py -m pip install PySocks,'),
    ("ModuleNotFoundError: No module named 'yamllint'", CARRIED, 'run py -m pip install yamllint,'),
    ("    from google import auth\n    from google.cloud import storage\nModuleNotFoundError: No module named 'google'", CARRIED,
     'Check the spelling of google.cloud.storage. If an/image:1 has this module, run py -m pip install google-cloud-storage,'),
    ("    from google.oauth2 import credentials\nModuleNotFoundError: No module named 'google'", CARRIED,
     'install google-auth,'),
    ('    from azure.identity import A\nModuleNotFoundError: No module named \'azure.identity\'', CARRIED,
     'install azure-identity,'),
    ('    import paho.mqtt.client as mqtt\nModuleNotFoundError: No module named \'paho\'', CARRIED, 'install paho-mqtt,'),
    ('requests.exceptions.InvalidSchema: Missing dependencies for SOCKS support.', CARRIED,
     'SOCKS needs the module socks. Run py -m pip install PySocks,'),
    ("SyntaxError: Missing parentheses in call to 'print'. Did you mean print(...)?", CARRIED, 'written for Python 2.'),
    *((f"NameError: name '{name}' is not defined", CARRIED, 'written for Python 2.') for name in ('raw_input', 'unicode')),
    ("ModuleNotFoundError: No module named 'urllib2'", REAL, 'runs Python 3 only: port the script first'),
    (MISSING_NAME, CARRIED, 'Get the whole file once, for every pack: curl --create-dirs -fLo ~/.demisto-sdk/cache/Packs/Base'),
    (MISSING_NAME, CARRIED, 'If tableToMarkdown belongs to CommonServerPython: the subset'), (MISSING_NAME, REAL, ''),
    ("ImportError: cannot import name 'Some' from 'CommonServerPython' (x.py)", CARRIED, 'If Some belongs to'),
    ("AttributeError: type object 'FeedIndicatorType' has no attribute 'Odd'", CARRIED, 'If FeedIndicatorType.Odd belongs to'),
    ("AttributeError: 'Mine' object has no attribute 'odd'", CARRIED, ''),
    ('ValueError: other', CARRIED, ''), ('', CARRIED, 'The script came to its end')])
def test_an_end_is_explained_with_what_to_do(exception: str, runtime: Runtime, words: str) -> None:
    explained = explain(exception, {'dockerimage': 'an/image:1'}, runtime)
    assert words in explained and bool(words) is bool(explained)


def test_a_syntax_error_of_a_script_that_is_declared_for_python_2_says_so() -> None:
    explained = explain('SyntaxError: any', {'subtype': 'python2'}, CARRIED)
    assert 'for Python 2, as its descriptor says (subtype: python2)' in explained
