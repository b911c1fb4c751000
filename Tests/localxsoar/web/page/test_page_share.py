"""The file that the page shares of a delivery, in a browser that is offline: nothing runs or loads, and no secret is in it."""
from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
import requests
from browser import new_context, violations
from clocks import PATIENCE_SECONDS
from local_xsoar import ROOT, wait_for
from playwright.sync_api import Browser, Page, expect
from webhook import TOKEN, Webhook

pytestmark = pytest.mark.sockets

FORMER = 'former/secret+of "the" instance'
MARKUP = ('<script>document.title="ran"</script>', '"><img src=x onerror=document.title="ran">',
          '</style></pre><svg onload=ran()>', "javascript:document.title='ran'", '<a href="https://tracker.example/">x</a>',
          '<!--', '\u202e\x1b[0m')
INLINE_SCRIPT = '''() => {
    const script = document.createElement('script');
    script.textContent = 'document.title = "ran"';
    document.head.append(script);
    return document.title;
}'''


@pytest.fixture(scope='module')
def webhook() -> Iterator[Webhook]:
    """A server whose instance had another token before, which it prints in a curl command."""
    with Webhook('--senders', str(ROOT / 'senders'), '--curl-header', 'Authorization: {auth_header}', token=FORMER) as running:
        running.token = ''
        running.control('POST', 'instance/save', json={'auth_header': TOKEN})
        wait_for(lambda: running.control('GET', 'instance')['ready'])
        yield running


def spellings(secret: str) -> list[str]:
    """Return ways in which a sender may show a secret."""
    return [secret, quote(secret, safe=''), json.dumps(secret)[1:-1], base64.b64encode(secret.encode()).decode(),
            ''.join(f'\\u{ord(each):04x}' for each in secret)]


def hostile_body() -> str:
    """Return JSON with markup and with each spelling of each secret, in keys and in values."""
    values = {f'a{at} {each}': [each, {each: each}] for at, each in enumerate(MARKUP)}
    leaks = ', '.join(f'"{name}{at}": "leaks {each}"' for name, secret in (('former', FORMER), ('now', TOKEN))
                      for at, each in enumerate(map(escaped, spellings(secret))))
    return json.dumps({'title': MARKUP[0], **values})[:-1] + f', {leaks}}}'


def escaped(text: str) -> str:
    """Return a text that can stand in JSON; what is escaped already stays as it is."""
    return re.sub(r'(?<!\\)"', r'\\"', text)


def share(page: Page, webhook: Webhook, folder: Path) -> Path:
    """Open the newest delivery, and return the file that is shared of it."""
    found = webhook.control('GET', 'deliveries')[0]
    page.goto(f'{webhook.url}/#/deliveries/{found["number"]}')
    with page.expect_download() as download:
        page.get_by_role('link', name='Share', exact=True).click()
    file = folder / download.value.suggested_filename
    download.value.save_as(file)
    assert file.name == f'delivery-{found["number"]}.html'
    return file


def assert_no_secret(content: str) -> None:
    for secret in (FORMER, TOKEN):
        for each in spellings(secret):
            assert each not in content and each.rstrip('=') not in content


def test_a_hostile_delivery_is_shared_as_a_file_in_which_nothing_runs_or_loads_and_no_secret_is(
    open_page: Callable[..., Page], browser: Browser, webhook: Webhook, tmp_path: Path
) -> None:
    headers = {'Authorization': TOKEN, 'X-Markup': MARKUP[1], 'X-Former': f'was {FORMER}', 'User-Agent': MARKUP[4]}
    query = f'?note={quote(MARKUP[0])}&key={quote(FORMER)}'
    answer = requests.post(webhook.webhook_url + query, gzip.compress(hostile_body().encode()), timeout=PATIENCE_SECONDS,
                           headers={**headers, 'Content-Encoding': 'gzip'})
    assert answer.status_code == 200, answer.text
    file = share(open_page(webhook.url), webhook, tmp_path)
    content = file.read_text('utf-8')
    assert_no_secret(content)
    for scripts in (True, False):
        with new_context(browser, java_script_enabled=scripts, offline=True) as context:
            reader = context.new_page()
            asked: list[str] = []
            reader.on('request', lambda request: asked.append(request.url))  # noqa: B023
            reader.goto(file.as_uri())
            expect(reader).to_have_title(re.compile(r'^Delivery \d+ · '))
            expect(reader.locator('script, img, svg, a, iframe, object')).to_have_count(0)
            expect(reader.locator('body')).to_contain_text(MARKUP[0])
            expect(reader.locator('body')).to_contain_text('••••••')
            assert asked == [file.as_uri()]
            deep = reader.locator('ul.tree > li > details').first
            deep.locator('summary').first.click()
            expect(deep).not_to_have_attribute('open', '')
            if scripts:
                assert reader.evaluate(INLINE_SCRIPT).startswith('Delivery'), 'the policy of the file lets no script run'


def test_a_rejection_its_checklist_and_its_log_are_shared_and_can_be_read_by_everybody(
    open_page: Callable[..., Page], webhook: Webhook, tmp_path: Path
) -> None:
    requests.post(webhook.webhook_url, '{"title": "rejected"}', timeout=PATIENCE_SECONDS,
                  headers={'Authorization': f'Bearer {TOKEN}', 'User-Agent': 'ticket/1'})
    page = open_page(f'{webhook.url}/#/deliveries')
    page.locator('#deliveries .row').first.click()
    expect(page.locator('#part-log')).to_have_text(re.compile(r'^Log \d+$'))  # the log comes a moment later
    file = share(page, webhook, tmp_path)
    assert_no_secret(file.read_text('utf-8'))
    page.goto(file.as_uri())
    for words in ('Authorization contains the token, after "Bearer"', 'POST 401', '"ticket/1"', 'title: "rejected"'):
        expect(page.locator('body')).to_contain_text(words)
    media: tuple[dict[str, Any], ...] = ({'color_scheme': 'light'}, {'color_scheme': 'dark'}, {'forced_colors': 'active'})
    for each in media:
        page.emulate_media(**each)
        assert violations(page) == []
