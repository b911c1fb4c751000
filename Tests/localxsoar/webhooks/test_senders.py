"""Recipes of senders: what they send, with each way of proof, and which are wrong."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock
from local_xsoar import ROOT
from made_deliveries import GIT, GITHUB, TEA, sender

from localxsoar.webhooks import senders as senders_module
from localxsoar.errors import UsageError
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.webhooks.senders import (
    Sender, SenderRequest, describe_proof, enumerate_keys, find_sender, load_senders, unusable)

pytestmark = pytest.mark.sockets

TOKEN = 'a-token-of-some-length'
ALL = load_senders(ROOT / 'senders')


def send(sender: Sender, token: str = TOKEN) -> SenderRequest:
    return sender.request(sender.delivery(), token)


@pytest.mark.parametrize('key', ALL)
def test_a_delivery_of_each_sender_is_recognized_as_its_own(key: str) -> None:
    request = send(ALL[key], b'a token that any sender can sign with.'.hex())  # which is base64, too
    agent = dict(request.headers).get('User-Agent', '').partition('/')[0]
    assert SenderRecognizer(list(ALL.values())).recognize(request.headers, request.body)[1] in {ALL[key].name, agent} - {''}


def test_the_token_itself_stands_in_a_header_or_in_the_query() -> None:
    shown = sender(proof={'place': 'header', 'name': 'Authorization', 'value': '{token}'})
    assert send(shown).headers == [('Authorization', TOKEN)]
    shown = sender(proof={'place': 'query', 'name': 'token', 'value': '{token}'})
    assert send(shown, 'a b&c').query == 'token=a%20b%26c'


def test_a_request_that_is_signed_again_has_one_signature_that_fits_its_new_body() -> None:
    git = sender(proof=GITHUB, X_GitHub_Delivery='{uuid}')
    first = send(git)
    again = git.sign_again(SenderRequest(first.headers, '', b'{"a": 2}'), TOKEN)
    names = [name for name, _ in again.headers]
    assert names.count('X-Hub-Signature-256') == 1
    expected = hmac.new(TOKEN.encode(), b'{"a": 2}', hashlib.sha256).hexdigest()
    assert dict(again.headers)['X-Hub-Signature-256'].endswith(expected)
    assert dict(again.headers)['X-GitHub-Delivery'] != dict(first.headers)['X-GitHub-Delivery']


def test_a_token_that_is_not_base64_is_reported_instead_of_signed_with() -> None:
    with pytest.raises(UsageError, match='base64'):
        send(sender(proof={**GITHUB, 'key': 'base64'}), 'no base64!')
    assert 'openssl rand -base64 32' in unusable(sender(proof={**GITHUB, 'key': 'base64'}), 'no base64!')
    assert 'openssl rand -hex 32' in unusable(sender(proof={**GITHUB, 'key': 'hex'}), 'no hex!')
    assert unusable(sender(), 'no base64!') == ''


def test_only_known_placeholders_are_filled_in_and_a_number_becomes_one() -> None:
    payload = {'at': '{timestamp}', 'in': ['{iso}', '{name} at {iso}', '{unknown}', 5], 'ms': '{milliseconds}'}
    with Clock(senders_module, unix=1_767_225_600.5):
        content = json.loads(send(sender(payload=payload)).body)
    assert content == {'at': 1_767_225_600, 'in': ['2026-01-01T00:00:00Z', '{name} at {iso}', '{unknown}', 5],
                       'ms': 1_767_225_600_500}


def test_a_text_is_sent_as_it_is_and_a_query_goes_along() -> None:
    made = Sender('a', 'A', 'other', '', {}, [
        {'title': 't', 'headers': {'X-N': 5, 'X-B': '{no}'}, 'text': '{iso}', 'query': 'a=1'}])
    assert send(made) == SenderRequest([('X-N', '5'), ('X-B', '{no}')], 'a=1', b'{iso}')


def test_a_token_replaces_an_earlier_one_in_the_query_or_the_header() -> None:
    in_query = sender(proof={'place': 'query', 'name': 'key', 'value': '{token}'})
    assert in_query.sign_again(SenderRequest([], 'a=1&key=old&&b', b''), 'a/b').query == 'a=1&b&key=a%2Fb'
    in_header = sender(proof={'place': 'header', 'name': 'Authorization', 'value': 'Basic {basic}'})
    assert in_header.sign_again(SenderRequest([('authorization', 'old'), ('X', '1')], 'q', b''), 'a').headers == [
        ('X', '1'), ('Authorization', 'Basic d2ViaG9vazph')]
    assert in_header.sign_again(SenderRequest([('authorization', 'old')], 'q', b''), '').headers == [('authorization', 'old')]


def test_a_request_that_is_signed_again_has_a_new_time_and_keeps_what_the_recipe_does_not_fill() -> None:
    made = sender(X_Time='{timestamp}', X_Plain='recipe')
    again = made.sign_again(SenderRequest([('x-time', '1'), ('X-Plain', 'edited')], '', b''), TOKEN)
    assert int(dict(again.headers)['x-time']) > 1 and dict(again.headers)['X-Plain'] == 'edited'


@pytest.mark.parametrize('key, token, signing_key', [
    ('token', 'abcd', b'abcd'), ('token', 'whsec_YWJjZA==', b'whsec_YWJjZA=='), ('base64', 'YWJjZA==', b'abcd'),
    ('whsec', 'whsec_YWJjZA==', b'abcd'), ('whsec', 'YWJjZA==', b'YWJjZA==')])
@pytest.mark.parametrize('digest', ['sha256', 'sha512'])
def test_a_signature_has_the_recipes_key_digest_and_bytes(key: str, token: str, signing_key: bytes, digest: str) -> None:
    proof = {'place': 'header', 'name': 'X', 'value': '{hex} {base64}', 'signed': 'v:{body}:{no}', 'key': key, 'digest': digest}
    request = sender(proof=proof).sign_again(SenderRequest([], '', b'\xff'), token)
    expected = hmac.new(signing_key, b'v:\xff:{no}', digest)
    assert dict(request.headers)['X'] == f'{expected.hexdigest()} {base64.b64encode(expected.digest()).decode()}'


def put(folder: Path, recipe: dict[str, Any]) -> None:
    folder.mkdir()
    (folder / 'deliveries.json').write_text(json.dumps(recipe))


def test_a_folder_of_recipes_is_read_and_a_bad_one_is_reported_by_its_file(tmp_path: Path) -> None:
    recipe = {'sender': 'GitHub', 'kind': 'code', 'source': 'https://docs.example', 'proof': GITHUB,
              'deliveries': [{'title': 'issues opened', 'payload': {}}, {'title': 'a text', 'text': 'disk full'}]}
    put(tmp_path / 'github', recipe)
    senders = load_senders(tmp_path)
    assert find_sender(senders, 'GITHUB').request(senders['github'].delivery('text'), '').body == b'disk full'
    put(tmp_path / 'broken', {**recipe, 'kind': 'toaster'})
    with pytest.raises(UsageError, match=r'broken/deliveries\.json.*kind must be one of'):
        load_senders(tmp_path)


def test_a_sender_that_is_unknown_or_not_the_only_one_is_reported_with_those_that_are() -> None:
    senders = {'github': GIT, 'gitea': TEA}
    assert find_sender(senders, 'tea') == TEA
    with pytest.raises(UsageError, match='one of several senders: github, gitea'):
        find_sender(senders, 'git')
    with pytest.raises(UsageError, match=r"'nobody' is not a sender\. There are 2\."):
        find_sender(senders, 'nobody')


GOOD = {'sender': 'A', 'kind': 'code', 'source': '', 'proof': GITHUB, 'deliveries': [{'title': 't', 'payload': {}}]}


@pytest.mark.parametrize('change, words', [
    ({'sender': None, 'kind': 'toaster'}, 'kind must be one of siem, cloud, '),
    ({'proof': {**GITHUB, 'place': 'body'}}, 'proof needs a place'),
    ({'proof': {**GITHUB, 'name': ''}}, 'proof needs a place'), ({'proof': {**GITHUB, 'value': ''}}, 'proof needs a place'),
    ({'proof': {'name': 'a', 'value': 'b'}}, 'place'), ({'proof': {**GITHUB, 'digest': 'md5'}}, r'proof\.digest must be'),
    ({'proof': {**GITHUB, 'key': 'rsa'}}, r'proof\.digest must be'), ({'deliveries': []}, 'at least one delivery'),
    ({'deliveries': [{'title': 't', 'text': ''}, {'title': 't'}]}, 'a payload or a text'),
    ({'deliveries': [{'title': 't', 'text': ''}, {'title': '', 'text': ''}]}, 'each with a title'),
    ({'deliveries': [{'text': ''}]}, 'title'), ({'deliveries': 5}, 'TypeError')])
def test_a_recipe_that_is_wrong_is_reported_by_its_file_and_its_fault(tmp_path: Path, change: dict[str, Any], words: str) -> None:
    put(tmp_path / 'a', GOOD)
    assert list(load_senders(tmp_path)) == ['a']
    put(tmp_path / 'b', {**GOOD, **change})
    with pytest.raises(UsageError, match=rf'b/deliveries\.json is not a recipe of a sender: .*{words}'):
        load_senders(tmp_path)


def test_a_folder_that_is_not_there_is_reported(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match='There is no folder of senders at '):
        load_senders(tmp_path / 'nowhere')


def test_a_delivery_is_chosen_by_a_part_of_its_title_and_otherwise_the_first() -> None:
    made = Sender('a', 'A', 'other', '', {}, [{'title': 'Issue opened'}, {'title': 'Issue closed'}])
    assert [made.delivery(title)['title'] for title in (None, '', 'CLOSED', 'issue')] == [
        'Issue opened', 'Issue opened', 'Issue closed', 'Issue opened']
    with pytest.raises(UsageError, match=r"A has no delivery 'x', but 2 others, such as Issue opened, Issue closed"):
        made.delivery('x')
    named = Sender('a', 'A', 'other', '', {}, [{'title': title} for title in ('Issue opened', 'Push', 'Tag', 'Deploy failed')])
    for wrong, near in (('depoy', 'Deploy failed'), ('xyz', 'Issue opened, Push, Tag')):
        with pytest.raises(UsageError, match=f'but 4 others, such as {near}. a --list shows all'):
            named.delivery(wrong)


@pytest.mark.parametrize('count, more', [(8, ''), (9, ' and 1 others'), (20, ' and 12 others')])
def test_of_many_senders_eight_are_named(count: int, more: str) -> None:
    assert enumerate_keys(['a'] * count) == ', '.join(['a'] * 8) + more


def test_a_sender_is_found_by_its_whole_key_or_name_first() -> None:
    senders = {'git': sender('git'), 'github': GIT, 'digit': sender('digit')}
    assert (find_sender(senders, 'GIT').key, find_sender(senders, 'Github').key, find_sender(senders, 'hub').key) == (
        'git', 'github', 'github')


@pytest.mark.parametrize('proof, words', [
    ({}, 'no proof'), ({'place': 'header', 'name': 'X-Token'}, 'token in X-Token'),
    ({'place': 'query', 'name': 'key'}, 'token in ?key='),
    ({'place': 'header', 'name': 'X-Sig', 'signed': '{body}'}, 'signature in X-Sig')])
def test_a_proof_is_described_in_a_few_words(proof: dict[str, str], words: str) -> None:
    assert describe_proof(Sender('key', 'Name', 'code', '', proof, [])) == words
