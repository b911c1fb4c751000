"""Packs in each of their shapes, the instance's form, and the unified script."""

import io
import re
import shutil
import socket
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from localxsoar.errors import UsageError
from localxsoar.packs.pack import CARRIED_COMMON_SERVER_PYTHON, Integration, load_integration, unify
from localxsoar.packs.parameters import (
    container_port,
    describe_form,
    field_in,
    fill_form,
    form_text,
    masked_params,
    secret_values,
    secrets_that_are_set,
)
from localxsoar.packs.repository import HOW_TO_GET, find_common_server_python
from localxsoar.containers import ports
from localxsoar.containers.ports import accepts_connections, any_free_port, is_free, well_known_free_port

pytestmark = pytest.mark.sockets

INTEGRATION = Path('Integrations', 'Echo')


def as_unified(echo_pack: Path) -> bytes:
    folder = echo_pack / INTEGRATION
    descriptor = yaml.safe_load((folder / 'Echo.yml').read_text())
    descriptor['script']['script'] = (folder / 'Echo.py').read_text()
    return str(yaml.safe_dump(descriptor)).encode()


def as_zip(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def as_pack_zip(echo_pack: Path) -> bytes:
    return as_zip(
        {
            'metadata.json': (echo_pack / 'pack_metadata.json').read_bytes(),
            'Integrations/integration-Echo.yml': as_unified(echo_pack),
            'README.md': b'# Echo',
        }
    )


SHAPES = {
    'a pack folder': lambda pack, folder: pack,
    'an integration folder': lambda pack, folder: pack / INTEGRATION,
    'a descriptor beside its script': lambda pack, folder: pack / INTEGRATION / 'Echo.yml',
    'a unified .yml': lambda pack, folder: write(folder / 'integration-Echo.yml', as_unified(pack)),
    'a pack zip': lambda pack, folder: write(folder / 'Echo.zip', as_pack_zip(pack)),
    'a zip of pack zips': lambda pack, folder: write(folder / 'uploadable_packs.zip', as_zip({'Echo.zip': as_pack_zip(pack)})),
    'a zip of pack folders': lambda pack, folder: write(
        folder / 'content_packs.zip',
        as_zip(
            {
                'Echo/pack_metadata.json': (pack / 'pack_metadata.json').read_bytes(),
                'Echo/Integrations/integration-Echo.yml': as_unified(pack),
            }
        ),
    ),
}


def write(file: Path, data: bytes) -> Path:
    file.write_bytes(data)
    return file


@pytest.mark.parametrize('shape', SHAPES)
def test_a_pack_is_read_in_each_of_its_shapes(echo_pack: Path, tmp_path: Path, shape: str) -> None:
    integration = load_integration(SHAPES[shape](echo_pack, tmp_path))
    assert integration.name == 'Echo'
    assert 'ROUTES' in integration.script
    assert integration.pack_version == ('unknown' if shape == 'a unified .yml' else '2.3.4')


def break_script(folder: Path) -> None:
    (folder / 'Integrations/Echo/Echo.py').unlink()


def break_yaml(folder: Path) -> None:
    (folder / 'Integrations/Echo/Echo.yml').write_text('a: [')


def break_descriptor(folder: Path) -> None:
    file = folder / 'Integrations/Echo/Echo.yml'
    file.write_text(file.read_text().replace('commonfields', 'uncommonfields'))


def break_by_a_second(folder: Path) -> None:
    shutil.copytree(folder / 'Integrations/Echo', folder / 'Integrations/Echo2')


@pytest.mark.parametrize(
    'spoil, words',
    [
        (break_script, 'has no script'),
        (break_yaml, 'is not YAML'),
        (break_descriptor, 'has no integration'),
        (break_by_a_second, 'several integrations'),
    ],
)
def test_a_spoiled_pack_is_rejected_in_words(echo_pack: Path, tmp_path: Path, spoil: Any, words: str) -> None:
    folder = Path(shutil.copytree(echo_pack, tmp_path / 'Echo'))
    spoil(folder)
    with pytest.raises(UsageError, match=words):
        load_integration(folder)


@pytest.mark.parametrize(
    'name, words', [('nowhere', 'There is no pack at'), ('notes.txt', 'is not a pack'), ('x.zip', 'not a zip file')]
)
def test_what_is_no_pack_is_rejected_in_words(tmp_path: Path, name: str, words: str) -> None:
    if name != 'nowhere':
        write(tmp_path / name, b'text')
    with pytest.raises(UsageError, match=words):
        load_integration(tmp_path / name)


def fill(echo_pack: Path, **given: str) -> dict[str, Any]:
    return fill_form(load_integration(echo_pack), given, lambda: 4711)


DEFAULTS = {
    'longRunning': True,
    'longRunningPort': '4711',
    'secret': '',
    'greeting': 'hello',
    'limit': '',
    'loud': False,
    'statuses': [],
    'account': {},
    'color': '',
}


def test_a_form_left_alone_has_the_defaults_and_a_free_port(echo_pack: Path) -> None:
    assert fill(echo_pack) == DEFAULTS


@pytest.mark.parametrize(
    'name, given, value',
    [
        ('longRunningPort', '9999:8080', '9999:8080'),
        ('longRunningPort', 'abc', 'abc'),
        ('secret', 'a=b:c', 'a=b:c'),
        ('greeting', '', ''),
        ('limit', '12', '12'),
        ('loud', 'true', True),
        ('loud', 'False', False),
        ('color', 'red', 'red'),
        ('account', 'me:pass:word', {'identifier': 'me', 'password': 'pass:word', 'credentials': {}}),
    ],
)
def test_a_field_is_read_by_its_type(echo_pack: Path, name: str, given: str, value: Any) -> None:
    assert fill(echo_pack, **{name: given}) == {**DEFAULTS, name: value}


@pytest.mark.parametrize(
    'name, given, words',
    [
        ('longRunningPort', '', r'Listen Port \(longRunningPort\) is required'),
        ('limit', 'many', r'Limit \(limit\).*not a whole number'),
        ('loud', 'very', r'Loud \(loud\).*neither true nor false'),
        ('color', 'green', r'Color \(color\).*not one of red, blue'),
        ('longRunning', 'false', 'longRunning is hidden'),
        ('token', 'x', r'Echo has no parameter token. Known: .*secret \(Secret Word\)'),
    ],
)
def test_a_wrong_field_is_rejected_in_words_of_the_form(echo_pack: Path, name: str, given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fill(echo_pack, **{name: given})


def test_the_encrypted_parameters_that_are_set_are_known_by_label(echo_pack: Path) -> None:
    integration = load_integration(echo_pack)
    assert secrets_that_are_set(integration, fill(echo_pack)) == []
    assert secrets_that_are_set(integration, fill(echo_pack, secret='x', account='me:x')) == [
        'Secret Word (secret)',
        'Account (account)',
    ]


@pytest.mark.parametrize(
    'text, port',
    [
        ('8080', 8080),
        ('9999:8080', 8080),
        ('abc', None),
        ('', None),
        ('0', None),
        ('70000', None),
        ('-1', None),
        ('80.5', None),
        ('a:b', None),
    ],
)
def test_the_containers_part_of_a_port_is_after_the_colon(text: str, port: int | None) -> None:
    assert container_port({'longRunningPort': text}) == port


SERVER_IMPORTS = """import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *
import demistomock as other
try:
    from CommonServerPython import *
except ImportError:
    pass
"""


def test_the_imports_that_stand_for_the_server_are_taken_out_and_nothing_else() -> None:
    lines = unify(('Common.py', 'COMMON = 1'), ('Echo.py', SERVER_IMPORTS)).text.splitlines()
    assert [line for line in lines if line] == [
        'COMMON = 1',
        'import demistomock as other',
        'try:',
        '    pass',
        'except ImportError:',
        '    pass',
    ]


def test_the_carried_common_text_is_first_and_offers_the_sdks_markers() -> None:
    script = "register_module_line('Echo', 'start', __line__())\nfound = __line__()"
    text = unify(('Common.py', CARRIED_COMMON_SERVER_PYTHON.read_text()), ('Echo.py', script)).text
    names: dict[str, Any] = {'demisto': None}
    exec(compile(text, '<string>', 'exec'), names)
    assert names['found'] == len(text.splitlines())
    assert 'demistomock' not in names


def test_a_traceback_is_reported_in_lines_of_the_files_that_it_comes_from() -> None:
    text = unify(('Common.py', 'COMMON = 1\nMORE = 2\n'), ('Echo.py', 'import demistomock as demisto\nraise KeyError()\n'))
    assert text.locate('  File "<string>", line 5, in <module>\nKeyError') == (
        '  File "Echo.py", line 2, in <module>\n    raise KeyError()\nKeyError')
    assert text.locate('  File "<string>", line 1, in f') == '  File "Common.py", line 1, in f\n    COMMON = 1'


def as_repository(echo_pack: Path, folder: Path) -> Path:
    """A content repository with the pack, an API module that takes another one, and a CommonServerPython."""
    pack = Path(shutil.copytree(echo_pack, folder / 'Packs' / 'Echo'))
    for kind, name, text in (('ApiModules', 'OneApiModule', 'from OtherApiModule import *\nONE = OTHER'),
                             ('ApiModules', 'OtherApiModule', 'OTHER = 1'), ('Base', 'CommonServerPython', 'REAL = 1')):
        place = folder / 'Packs' / kind / 'Scripts' / name
        place.mkdir(parents=True)
        (place / f'{name}.py').write_text(text)
    script = pack / INTEGRATION / 'Echo.py'
    script.write_text('from __future__ import annotations\nfrom OneApiModule import *\n' + script.read_text())
    return pack


def test_api_modules_and_the_common_text_come_out_of_the_packs_repository(echo_pack: Path, tmp_path: Path) -> None:
    pack = as_repository(echo_pack, tmp_path)
    integration = load_integration(pack)
    assert [Path(file).stem for file, _ in integration.modules] == ['OtherApiModule', 'OneApiModule']
    common = find_common_server_python(pack)
    assert common and common.read_text() == 'REAL = 1'
    text = unify(('Common.py', 'x = 1'), *integration.modules, (integration.script_file, integration.script)).text
    assert 'from __future__' not in text and 'ApiModule import' not in text
    compile(text, '<string>', 'exec')


def test_an_api_module_that_is_nowhere_is_reported_with_the_way_out(echo_pack: Path, tmp_path: Path) -> None:
    pack = as_repository(echo_pack, tmp_path)
    shutil.rmtree(tmp_path / 'Packs' / 'ApiModules')
    with pytest.raises(UsageError, match=r'imports OneApiModule, .* demisto-sdk prepare-content'):
        load_integration(pack)


@pytest.fixture
def places(tmp_path: Path, echo_pack: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """The places of CommonServerPython for a pack alone, in their order, of which none has the file."""
    base = 'Scripts/CommonServerPython/CommonServerPython.py'
    places = {'set': tmp_path / 'set/Packs/Base' / base, 'here': tmp_path / 'here/Packs/Base' / base,
              'beside': tmp_path / 'packs/Base' / base, 'cache': tmp_path / '.demisto-sdk/cache/Packs/Base' / base}
    shutil.copytree(echo_pack, tmp_path / 'packs/Echo')
    (tmp_path / 'here/Packs').mkdir(parents=True)
    monkeypatch.chdir(tmp_path / 'here')
    monkeypatch.setenv('HOME', str(tmp_path))
    monkeypatch.setenv('DEMISTO_SDK_CONTENT_PATH', str(tmp_path / 'set'))
    return places


def test_the_common_text_comes_from_the_first_place_that_has_it(places: dict[str, Path], tmp_path: Path) -> None:
    paths = [tmp_path / 'packs/Echo', tmp_path / 'packs/Echo' / INTEGRATION]
    assert [find_common_server_python(path) for path in paths] == [None, None]
    for place in reversed(places.values()):
        place.parent.mkdir(parents=True)
        place.touch()
        assert [find_common_server_python(path) for path in paths] == [place, place]


def test_the_command_that_gets_the_common_text_puts_it_where_it_is_found(places: dict[str, Path], tmp_path: Path) -> None:
    url = places['set'].parent
    url.mkdir(parents=True)
    (url / 'CommonServerPython.py').write_text('REAL = 1')
    subprocess.run(HOW_TO_GET.replace(re.findall(r'https\S+/', HOW_TO_GET)[0], f'file://{url}/'), shell=True, check=True)
    places['set'].unlink()
    found = find_common_server_python(tmp_path / 'packs/Echo')
    assert found == places['cache'] and found.read_text() == 'REAL = 1'


def test_the_text_of_each_carried_part_comes_before_the_script_in_its_own_lines() -> None:
    unified = unify(('CommonServerPython.py', CARRIED_COMMON_SERVER_PYTHON.read_text()), ('Echo.py', 'raise KeyError()\n'))
    assert [Path(file).stem for _, file in unified.files] == [
        'base', 'arguments', 'dates', 'markdown', 'indicators', 'results', 'http', 'mirroring', 'iam',
        'CommonServerPython', 'Echo']
    assert 'import demistomock' not in unified.text and 'localxsoar.common' not in unified.text
    compile(unified.text, '<string>', 'exec')


@pytest.mark.parametrize('descriptor, words', [
    ({'script': {'type': 'javascript', 'script': 'x'}}, r'Other.yml is written in JavaScript. .* runs Python 3 only'),
    ({'script': {'type': 'powershell', 'script': 'x'}}, r'Other.yml is written in PowerShell'),
    ({'script': '-', 'type': 'javascript'}, r'Other.yml is written in JavaScript'),
    ({'script': '-', 'type': 'python', 'name': 'Other'}, r'is a script, not an integration. Run it with --command Other'),
    ({'id': 'a'}, r'has no integration')])
def test_what_is_no_python_integration_is_named(tmp_path: Path, descriptor: dict[str, Any], words: str) -> None:
    (tmp_path / 'Other.yml').write_text(yaml.safe_dump({'commonfields': {'id': 'Other'}, **descriptor}))
    for path in (tmp_path, tmp_path / 'Other.yml'):
        with pytest.raises(UsageError, match=words):
            load_integration(path)


def test_an_integration_in_another_language_does_not_keep_the_other_from_running(echo_pack: Path, tmp_path: Path) -> None:
    pack = Path(shutil.copytree(echo_pack, tmp_path / 'Echo'))
    (pack / 'Integrations/Old').mkdir()
    old = {'commonfields': {'id': 'Old'}, 'script': {'type': 'javascript', 'longRunning': True}}
    (pack / 'Integrations/Old/Old.yml').write_text(yaml.safe_dump(old))
    assert load_integration(pack).name == 'Echo'


# A form with a parameter of every type.

ROWS: list[dict[str, Any]] = [
    {'name': 'text', 'display': 'A text'}, {'name': 'number', 'type': 1},
    {'name': 'encrypted', 'display': 'Encrypted', 'type': 4},
    {'name': 'switch', 'type': 8, 'required': True, 'defaultvalue': False}, {'name': 'user', 'display': 'User', 'type': 9},
    {'name': 'key', 'display': 'A text area', 'type': 14, 'additionalinfo': 'From the console.'},
    {'name': 'one', 'type': 15, 'options': [1, 2]}, {'name': 'some', 'type': 16, 'options': ['a', 'b'], 'defaultvalue': 'a, b'},
    {'name': 'free', 'type': 15}, {'name': 'odd', 'type': 99, 'defaultvalue': 5}, {'name': 'hidden', 'hidden': True},
]
FORM = Integration({'name': 'Form', 'configuration': ROWS, 'script': {}}, '', '', '', '', '')
EMPTY = {'text': '', 'number': '', 'encrypted': '', 'switch': False,
         'user': {}, 'key': '', 'one': '', 'some': ['a', 'b'], 'free': '', 'odd': '5', 'hidden': ''}
FULL = {**EMPTY, 'encrypted': 'h4sh', 'user': {'identifier': 'kim', 'password': 'hush', 'credentials': {}}, 'key': 'k3y'}


def no_port() -> int:
    raise AssertionError('no port is needed')


@pytest.mark.parametrize('name, given, value', [
    ('number', ' -5 ', '-5'), ('switch', 'TRUE', True), ('switch', '', False), ('one', '2', '2'), ('some', 'b', ['b']),
    ('some', ' a ,, ', ['a']),
    ('some', '', []), ('free', 'anything', 'anything'), ('odd', 'x', 'x'),
    ('user', 'kim:', {'identifier': 'kim', 'password': '', 'credentials': {}})])
def test_a_field_of_each_type_is_read(name: str, given: str, value: Any) -> None:
    assert fill_form(FORM, {}, no_port) == EMPTY
    assert fill_form(FORM, {name: given}, no_port) == {**EMPTY, name: value}


@pytest.mark.parametrize('name, given, words', [
    ('number', '1.5', r'^number \(number\)'), ('some', 'a,c', "'c' is not one of a, b"), ('one', '3', "'3' is not one of 1, 2"),
    ('user', 'hush', r'^User \(user\): the value has no colon\. Write user=USER:PASSWORD\.$'),
    ('hidden', 'x', 'hidden is hidden.* Known: text'),
    ('none', 'x', r'^Form has no parameter none\. Known: text \(A text\), .*odd \(odd\)\.$')])
def test_a_field_of_each_type_rejects_what_it_cannot_be(name: str, given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fill_form(FORM, {name: given}, no_port)


@pytest.mark.parametrize('value, text', [
    (None, ''), ('a', 'a'), (5, '5'), (True, 'true'), (False, 'false'), (['a', 5], 'a,5'),
    ({'identifier': 'kim', 'password': 'hush'}, 'kim:hush'),
    ({'identifier': None}, ':')])
def test_a_value_from_the_api_is_read_as_a_person_would_type_it(value: Any, text: str) -> None:
    assert form_text(value) == text


def test_the_values_of_each_encrypted_type_are_secret_and_no_others() -> None:
    assert secret_values(FORM, FULL) == ['h4sh', 'hush', 'k3y'] and secret_values(FORM, EMPTY) == []
    assert secrets_that_are_set(FORM, FULL) == ['Encrypted (encrypted)', 'User (user)', 'A text area (key)']
    assert secrets_that_are_set(FORM, EMPTY) == []
    assert masked_params(FORM, FULL, '*') == {**FULL, 'encrypted': '*', 'user': '*', 'key': '*'}
    assert masked_params(FORM, {'encrypted': '', 'text': 'a'}, '*') == {'encrypted': '', 'text': 'a'}


KEYED = Integration({'name': 'Keyed', 'script': {}, 'configuration': [
    {'name': 'login', 'display': '', 'displaypassword': 'API Key', 'type': 9, 'hiddenusername': True, 'required': True}]},
    '', '', '', '', '')


@pytest.mark.parametrize('given, words', [
    ('', r'^API Key \(login\) is required\. Set it with --set login=:PASSWORD\.$'), (':', 'is required'),
    ('hush', r'^API Key \(login\): the form hides the user\. Write login=:PASSWORD\.$'), ('hu:sh', 'the form hides the user')])
def test_credentials_whose_user_is_hidden_are_a_password_after_a_colon(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        fill_form(KEYED, {'login': given}, no_port)
    params = fill_form(KEYED, {'login': ':hu:sh'}, no_port)
    assert params == {'login': {'identifier': '', 'password': 'hu:sh', 'credentials': {}}}
    [row] = describe_form(KEYED, params)
    assert (row['label'], row['password'], row['hidesUser'], row['set']) == ('API Key', 'API Key', True, True)
    assert field_in(KEYED, 'API Key is wrong') == 'login'


def test_the_page_gets_the_form_with_no_secret_but_whether_it_is_set() -> None:
    rows = {row['name']: row for row in describe_form(FORM, FULL)}
    assert list(rows) == [row['name'] for row in ROWS if row['name'] != 'hidden']
    assert rows['key'] == {'name': 'key', 'label': 'A text area', 'help': 'From the console.', 'kind': 14, 'required': False,
                           'options': [], 'secret': True, 'set': True, 'value': None, 'hidesUser': False, 'password': 'password'}
    assert (rows['user']['set'], rows['user']['value'], rows['user']['secret']) == (True, 'kim', True)
    some, text = rows['some'], rows['text']
    assert (some['value'], some['set'], some['secret'], some['kind']) == (['a', 'b'], True, False, 16)
    assert (text['kind'], text['set'], rows['switch']['required'], rows['one']['options']) == (0, False, True, [1, 2])
    unset = {row['name']: row for row in describe_form(FORM, EMPTY)}
    assert (unset['user']['set'], unset['encrypted']['set'], unset['user']['value']) == (False, False, '')


@pytest.mark.parametrize('text, name', [
    ('A text area is wrong', 'key'), ('A text is wrong', 'text'), ('number is wrong', ''), ('', '')])
def test_a_message_names_the_field_with_the_longest_label_in_it(text: str, name: str) -> None:
    assert field_in(FORM, text) == name


@pytest.mark.parametrize('script, has_port, is_long_running, names', [
    ({}, False, False, []), ({'longRunning': True}, False, True, []),
    ({'longRunningPort': True}, True, False, ['longRunningPort'])])
def test_a_port_is_in_the_form_of_an_integration_that_has_one(
    script: Any, has_port: bool, is_long_running: bool, names: list[str]
) -> None:
    integration = Integration({'commonfields': {'id': 'X'}, 'name': 'Y', 'script': script}, '', '', '', '', '')
    assert (integration.name, integration.has_port, integration.is_long_running) == ('X', has_port, is_long_running)
    assert [row['name'] for row in integration.parameters] == names and integration.commands == {}
    if has_port:
        assert integration.parameters == [{'name': 'longRunningPort', 'display': 'Listen Port', 'type': 0, 'required': True}]
        assert fill_form(integration, {}, lambda: 4711) == {'longRunningPort': '4711'}
        with pytest.raises(UsageError, match='Listen Port'):
            fill_form(integration, {'longRunningPort': ' '}, lambda: 4711)


def test_commands_have_the_arguments_that_the_descriptor_declares() -> None:
    script = {'commands': [{'name': 'a', 'arguments': [{'name': 'x'}]}, {'name': 'b'}]}
    assert Integration({'script': script}, '', '', '', '', '').commands == {'a': [{'name': 'x'}], 'b': []}


def descriptor(name: str, long_running: bool = False) -> bytes:
    return f'commonfields: {{id: {name}}}\nscript: {{script: pass, longRunning: {str(long_running).lower()}}}\n'.encode()


def test_the_integration_of_a_pack_is_the_one_named_or_the_long_running_one(tmp_path: Path) -> None:
    folder = tmp_path / 'Integrations'
    folder.mkdir()
    write(folder / 'A.yml', descriptor('A'))
    write(folder / 'B.yml', descriptor('B', long_running=True))
    write(folder / 'playbook.yml', b'id: P\n')
    assert load_integration(tmp_path).name == 'B'
    assert load_integration(tmp_path, 'A').name == 'A'
    write(folder / 'C.yml', descriptor('C', long_running=True))
    with pytest.raises(UsageError, match=r'several integrations. Choose with --integration NAME: B, C\.'):
        load_integration(tmp_path)
    assert load_integration(folder / 'C.yml').name == 'C'


# Ports.


def test_a_port_is_free_until_something_listens_on_it() -> None:
    port = any_free_port()
    assert 10_000 <= port <= 32_000 and (is_free(port), accepts_connections(port)) == (True, False)
    with socket.create_server(('127.0.0.1', port)):
        assert (is_free(port), accepts_connections(port)) == (False, True)
    assert accepts_connections(None) is False


@pytest.mark.parametrize('taken, port', [(0, 9000), (2, 9002), (99, 9099)])
def test_the_well_known_port_is_the_first_that_is_free(taken: int, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, 'take', lambda port: port >= 9000 + taken)
    assert well_known_free_port() == port


def test_without_a_free_well_known_port_any_other_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, 'take', lambda port: not 9000 <= port < 9100)
    assert 10_000 <= well_known_free_port() <= 32_000


@pytest.mark.parametrize('text, port', [('65535', 65535), ('65536', None), ('1', 1), (' 80 ', 80), ('000080', None)])
def test_a_port_is_a_number_from_1_to_65535(text: str, port: int | None) -> None:
    assert container_port({'longRunningPort': text}) == port
