"""The pack as demisto-sdk zips it: its unified script, run in the local XSOAR, with the seed's curl."""

import functools
import json
import os
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest
import requests
import yaml
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, LocalXsoar
from shared.webhook import SCRIPT

from localxsoar.packs.pack import SAFE_LOADER

pytestmark = pytest.mark.sockets

ZIP = ROOT / 'dist/uploadable_packs/GenericWebhook.zip'
MEMBER = 'Integrations/integration-GenericWebhook.yml'
SEED_REQUEST = SCRIPT.parent / 'test_data/seed_request.json'


@pytest.fixture(scope='module', autouse=True)
def current_zip() -> None:
    """In a run of all checks the zip must hold the script as it is; in another a missing or older one does not fail."""
    if ZIP.exists() and script_body(SCRIPT.read_text('utf-8')) in script_body(unified()['script']['script']):
        return
    reason = f'{ZIP.relative_to(ROOT)} is missing or older than the script; make it with ./dev test -e sdk'
    if os.environ.get('ZIP_IS_CURRENT'):
        pytest.fail(reason)
    pytest.skip(reason)


@functools.cache
def unified() -> dict[str, Any]:
    """The integration's file in the zip: descriptor, script, image and description in one."""
    with zipfile.ZipFile(ZIP) as archive:
        return yaml.load(archive.read(MEMBER), SAFE_LOADER)  # type: ignore[no-any-return]


def script_body(text: str) -> str:
    """What follows the imports that the SDK takes out."""
    return text.partition('from CommonServerUserPython')[2].partition('\n')[2].strip() or text


def test_the_zip_holds_script_image_and_description_in_one_file() -> None:
    integration = unified()
    assert 'def main()' in integration['script']['script']
    assert integration['image'].startswith('data:image/png;base64,')
    assert 'Listen Port' in integration['detaileddescription']


@pytest.mark.weekly
def test_another_zip_of_the_same_pack_has_the_same_bytes(tmp_path: Path) -> None:
    sdk = os.environ.get('DEMISTO_SDK') or pytest.skip('DEMISTO_SDK names no demisto-sdk; ./dev test -e sdk makes it')
    with_sdk = {**os.environ, 'PATH': f'{Path(sdk).parent}:{os.environ["PATH"]}'}
    subprocess.run([ROOT / 'tools/releases/zip-pack', tmp_path], env=with_sdk, cwd=ROOT, check=True, timeout=PATIENCE_SECONDS)
    assert (tmp_path / 'uploadable_packs/GenericWebhook.zip').read_bytes() == ZIP.read_bytes()


def test_the_seeds_curl_creates_an_incident_through_the_zipped_script() -> None:
    form = {'Authorization': 'token', 'Content-Type': 'application/x-www-form-urlencoded'}  # as curl -d says without being asked
    with LocalXsoar(pack=ZIP, instance='webhook', params={'auth_header': 'token'}) as xsoar:
        answer = requests.post(xsoar.webhook_url, SEED_REQUEST.read_bytes().strip(), headers=form, timeout=PATIENCE_SECONDS)
        assert answer.status_code == 200, answer.text
        (created,) = answer.json()
        (sent,) = xsoar.sent()
    assert created['id']
    assert created['name'] == 'incident created via generic webhook'
    assert sent.keys() == {'name', 'type', 'occurred', 'rawJSON'}
    assert json.loads(sent['rawJSON']) == {'some_field': 'some_value'}
