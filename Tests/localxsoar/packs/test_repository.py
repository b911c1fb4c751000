"""The content repository around a pack, and where CommonServerPython is found."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from facts import fact

from localxsoar.errors import UsageError
from localxsoar.packs.pack import load_integration, unify
from localxsoar.packs.repository import HOW_TO_GET, find_common_server_python

INTEGRATION = Path('Integrations', 'Echo')


def as_repository(echo_pack: Path, folder: Path) -> Path:
    """A content repository with the pack, an API module that takes another one, and a CommonServerPython."""
    pack = Path(shutil.copytree(echo_pack, folder / 'Packs' / 'Echo'))
    for kind, name, text in (('ApiModules', 'OneApiModule', 'from OtherApiModule import *\nONE = OTHER'),
                             ('ApiModules', 'OtherApiModule', 'OTHER = 1'), ('Base', 'CommonServerPython', 'REAL = 1')):
        place = folder / 'Packs' / kind / 'Scripts' / name
        place.mkdir(parents=True)
        (place / f'{name}.py').write_text(text)
    script = pack / INTEGRATION / 'Echo.py'
    imports = ('__future__ import annotations', 'OneApiModule import *', 'OtherApiModule import *')
    script.write_text(''.join(f'from {each}\n' for each in imports) + script.read_text())
    return pack


@fact('seen', 'API modules are put before the script, `from __future__` lines are removed')
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
              'beside': tmp_path / 'packs/Base' / base, 'cache': tmp_path / '.demisto-sdk/cache/Packs/Base' / base,
              'newer cache': tmp_path / '.demisto-sdk/cache/content/Packs/Base' / base}
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
