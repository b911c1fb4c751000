"""Packs in each of their shapes, the instance's form, and the unified script."""

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from localxsoar.errors import UsageError
from localxsoar.pack import (
    CARRIED_COMMON_SERVER_PYTHON,
    fill_form,
    find_common_server_python,
    load_integration,
    secrets_that_are_set,
    unify,
)
from localxsoar.ports import container_port

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
def test_a_spoiled_pack_is_refused_in_words(echo_pack: Path, tmp_path: Path, spoil: Any, words: str) -> None:
    folder = Path(shutil.copytree(echo_pack, tmp_path / 'Echo'))
    spoil(folder)
    with pytest.raises(UsageError, match=words):
        load_integration(folder)


@pytest.mark.parametrize(
    'name, words', [('nowhere', 'There is no pack at'), ('notes.txt', 'is not a pack'), ('x.zip', 'not a zip file')]
)
def test_what_is_no_pack_is_refused_in_words(tmp_path: Path, name: str, words: str) -> None:
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
def test_a_wrong_field_is_refused_in_words_of_the_form(echo_pack: Path, name: str, given: str, words: str) -> None:
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


def test_a_traceback_is_told_in_lines_of_the_files_that_it_comes_from() -> None:
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
    assert find_common_server_python(pack).read_text() == 'REAL = 1'
    text = unify(('Common.py', 'x = 1'), *integration.modules, (integration.script_file, integration.script)).text
    assert 'from __future__' not in text and 'ApiModule import' not in text
    compile(text, '<string>', 'exec')


def test_an_api_module_that_is_nowhere_is_told_with_the_way_out(echo_pack: Path, tmp_path: Path) -> None:
    pack = as_repository(echo_pack, tmp_path)
    shutil.rmtree(tmp_path / 'Packs' / 'ApiModules')
    with pytest.raises(UsageError, match=r'imports OneApiModule, .* demisto-sdk prepare-content'):
        load_integration(pack)


def test_without_a_repository_the_carried_subset_is_the_common_text(echo_pack: Path, tmp_path: Path) -> None:
    assert find_common_server_python(Path(shutil.copytree(echo_pack, tmp_path / 'Echo'))) == CARRIED_COMMON_SERVER_PYTHON
