"""Packs in each of their shapes, and the unified script."""

import io
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml
from facts import fact

from localxsoar.errors import UsageError
from localxsoar.packs.pack import CARRIED_COMMON_SERVER_PYTHON, Integration, load_integration, unify

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
    return as_zip({'metadata.json': (echo_pack / 'pack_metadata.json').read_bytes(),
                   'Integrations/integration-Echo.yml': as_unified(echo_pack), 'README.md': b'# Echo'})


SHAPES = {
    'a pack folder': lambda pack, folder: pack,
    'a pack folder two levels below a file of that name': lambda pack, folder: (
        write(folder / 'pack_metadata.json', b'{"currentVersion": "9"}'), Path(shutil.copytree(pack, folder / 'Packs/Echo')))[1],
    'an integration folder': lambda pack, folder: pack / INTEGRATION,
    'a descriptor beside its script': lambda pack, folder: pack / INTEGRATION / 'Echo.yml',
    'a unified .yml': lambda pack, folder: write(folder / 'integration-Echo.yml', as_unified(pack)),
    'a pack zip': lambda pack, folder: write(folder / 'Echo.zip', as_pack_zip(pack)),
    'a zip of pack zips': lambda pack, folder: write(folder / 'uploadable_packs.zip', as_zip({'Echo.zip': as_pack_zip(pack)})),
    'a zip of pack folders': lambda pack, folder: write(folder / 'content_packs.zip', as_zip({
        'Echo/pack_metadata.json': (pack / 'pack_metadata.json').read_bytes(),
        'Echo/Integrations/integration-Echo.yml': as_unified(pack)})),
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


@pytest.mark.parametrize('spoil, words', [
    (lambda folder: (folder / 'Echo.py').unlink(), 'has no script'),
    (lambda folder: (folder / 'Echo.yml').write_text('a: ['), 'is not YAML'),
    (lambda folder: (folder / 'Echo.yml').write_text('uncommonfields: {id: Echo}\nscript: {}\n'), 'has no integration'),
    (lambda folder: shutil.copytree(folder, folder.with_name('Echo2')), 'several integrations')])
def test_a_broken_pack_is_rejected_in_words(echo_pack: Path, tmp_path: Path, spoil: Any, words: str) -> None:
    folder = Path(shutil.copytree(echo_pack, tmp_path / 'Echo'))
    spoil(folder / INTEGRATION)
    with pytest.raises(UsageError, match=words):
        load_integration(folder)


@pytest.mark.parametrize(
    'name, words', [('nowhere', 'There is no pack at'), ('notes.txt', 'is not a pack'), ('x.py', 'is not a pack'),
                    ('x.zip', 'not a zip file')]
)
def test_a_file_that_is_not_a_pack_is_rejected_in_words(tmp_path: Path, name: str, words: str) -> None:
    if name != 'nowhere':
        write(tmp_path / name, b'text')
    with pytest.raises(UsageError, match=words):
        load_integration(tmp_path / name)


SERVER_IMPORTS = """import demistomock as demisto  # noqa: F401
from CommonServerPython import *  # noqa: F401, F403
from CommonServerUserPython import *
import demistomock as other
try:
    from CommonServerPython import *
except ImportError:
    pass
"""


@fact('seen', 'imports of modules that the server provides are removed')
def test_the_imports_that_stand_for_the_server_do_nothing_and_others_stay() -> None:
    lines = unify(('Common.py', 'COMMON = 1'), ('Echo.py', SERVER_IMPORTS)).text.splitlines()
    assert [line for line in lines if line] == [
        'COMMON = 1', *['pass'] * 3, 'import demistomock as other', 'try:', '    pass', 'except ImportError:', '    pass']


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


@fact('seen', 'the text of CommonServerPython comes before each script, in the same dict')
def test_the_text_of_each_carried_part_comes_before_the_script_in_its_own_lines() -> None:
    unified = unify(('CommonServerPython.py', CARRIED_COMMON_SERVER_PYTHON.read_text()), ('Echo.py', 'raise KeyError()\n'))
    assert [Path(file).stem for _, file in unified.files] == [
        'base', 'arguments', 'dates', 'markdown', 'indicators', 'results', 'http', 'xsiam', 'mirroring', 'iam',
        'CommonServerPython', 'Echo']
    assert 'import demistomock' not in unified.text and 'localxsoar.common' not in unified.text
    compile(unified.text, '<string>', 'exec')


@pytest.mark.parametrize('descriptor, words', [
    ({'script': {'type': 'javascript', 'script': 'x'}}, r'Other.yml is written in JavaScript. .* runs Python 3 only'),
    ({'script': {'type': 'powershell', 'script': 'x'}}, r'Other.yml is written in PowerShell'),
    ({'script': '-', 'type': 'javascript'}, r'Other.yml is written in JavaScript'),
    ({'script': '-', 'type': 'python', 'name': 'Other'}, r'is a script, not an integration. Run it with --command Other'),
    ({'id': 'a'}, r'has no integration')])
def test_an_integration_that_is_not_python_is_named(tmp_path: Path, descriptor: dict[str, Any], words: str) -> None:
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
