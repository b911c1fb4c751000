"""Replays: the request with which a delivery is sent again, as it came, with a valid proof, or edited."""

import base64
import hmac
from dataclasses import replace
from typing import Any

import pytest
from made_deliveries import delivery

from localxsoar.webhooks.deliveries import Delivery
from localxsoar.errors import UsageError
from localxsoar.webhooks.masks import MASK, Masks
from localxsoar.webhooks.replay import PEER, Replay, unmasked, unmasked_target
from localxsoar.webhooks.senders import Sender

TOKEN = 'h4sh-hush'
GITHUB = Sender('github', 'GitHub', 'code', '', {'place': 'header', 'name': 'X-Sig', 'value': 'sha256={hex}', 'signed': '{body}'},
                [{'title': 'push', 'headers': {}, 'payload': []}])
GITLIKE = Sender('a-gitlike', 'Gitlike', 'code', '', GITHUB.proof, GITHUB.deliveries)
JIRA = Sender('jira', 'Jira', 'tickets', '', {}, [{'title': 'issue', 'headers': {}, 'payload': []}])
HOST = ('Host', 'here')


def replay(*proof_headers: str, token: str = TOKEN) -> Replay:
    senders = {each.key: each for each in (GITHUB, GITLIKE, JIRA)}
    return Replay(senders, Masks(lambda: [TOKEN]), lambda _: token, lambda _: list(proof_headers))


def sent(one: Delivery, *proof_headers: str, **edited: Any) -> tuple[str, dict[str, str], bytes]:
    """Return the target, the headers and the body of what is sent for an edited delivery."""
    made = replay(*proof_headers).request(one, edited, HOST[1])
    assert (made.method, made.peer, len(dict(made.headers))) == ('POST', PEER, len(made.headers))
    return made.target, dict(made.headers), b''.join(made.body)


@pytest.mark.parametrize('edited', [{}, {'proof': False}, {'target': ''}])
def test_an_unchanged_delivery_is_sent_byte_for_byte(edited: dict[str, Any]) -> None:
    one = delivery(b'\xff', [('Host', 'there'), ('Connection', 'close'), ('X-A', '1'), ('X-A', '2')], '/front?a=b%20c')
    made = replay().request(one, edited, HOST[1])
    assert (made.method, made.target, made.headers, made.body, made.peer) == ('POST', one.target, one.headers, [b'\xff'], PEER)


@pytest.mark.parametrize('gap, reason', [
    ({'size': 3}, 'too large'), ({'is_partial': True}, 'Only 2 bytes'), ({'missing': 'Gone.'}, 'Gone.')])
def test_what_is_not_kept_whole_is_sent_only_with_another_body(gap: dict[str, Any], reason: str) -> None:
    for edited in ({}, {'proof': True}, {'target': '/other'}):
        with pytest.raises(UsageError, match=reason):
            replay().request(delivery(**gap), edited, HOST[1])
    assert sent(delivery(**gap), body='')[2] == b''
    assert sent(delivery(**gap), body='other') == ('/front', {'Host': 'here', 'Content-Length': '5'}, b'other')


def test_an_edited_body_is_plain_and_has_a_connection_of_its_own() -> None:
    headers = [('content-encoding', 'gzip'), ('Content-Length', '2'), ('Transfer-Encoding', 'chunked'), ('Expect', 'x'),
               ('X-A', 'b')]
    assert sent(delivery(headers=headers), body='plain')[1] == {'X-A': 'b', 'Host': 'here', 'Content-Length': '5'}
    assert replay().request(replace(delivery(), method='PUT'), {'body': 'plain'}, HOST[1]).method == 'PUT'
    assert sent(delivery(headers=headers), target='/there')[1] == {
        'content-encoding': 'gzip', 'X-A': 'b', 'Host': 'here', 'Content-Length': '2'}


def test_what_is_masked_in_a_path_a_name_or_a_body_is_sent_as_it_came() -> None:
    one = delivery(f'it is {TOKEN}'.encode(), [(f'X-{TOKEN}', 'a')], f'/front/{TOKEN}?a=1')
    target, headers, body = sent(one, target=f'/front/{MASK}?b=2', headers=[[f'X-{MASK}', 'c'], ['X-B', 5]], body=f'was {MASK}')
    assert (target, body) == (f'/front/{TOKEN}?b=2', f'was {TOKEN}'.encode())
    assert headers.items() >= {f'X-{TOKEN}': 'c', 'X-B': '5'}.items()


@pytest.mark.parametrize('edited, part', [({'target': f'/front/{MASK}'}, 'path'), ({'body': MASK}, 'body')])
def test_nothing_is_sent_while_it_is_unclear_which_secret_belongs_where(edited: dict[str, Any], part: str) -> None:
    two = f'{TOKEN}/{base64.b64encode(TOKEN.encode()).decode()}'
    with pytest.raises(UsageError, match=f'The {part} has 2 masked values'):
        replay().request(delivery(two.encode(), target=f'/front/{two}'), edited, HOST[1])


def test_a_known_sender_signs_what_is_sent() -> None:
    one = delivery(headers=[('x-sig', 'sha256=00')], sender_key='github')
    for known in (one, replace(one, sender_key=''), replace(one, sender_key='jira')):
        assert replay().signer(known) is GITHUB and replay().unprovable(known) == ''
        _, headers, body = sent(known, proof=True, body='[]')
        assert (headers['X-Sig'], body) == (f'sha256={hmac.new(TOKEN.encode(), b"[]", "sha256").hexdigest()}', b'[]')


def test_a_sender_that_is_known_signs_though_another_one_signs_alike() -> None:
    assert replay().signer(delivery(headers=[('X-Sig', 'sha256=00')], sender_key='a-gitlike')) is GITLIKE


def test_the_token_is_put_where_the_receiver_looks_for_it_in_place_of_what_was_there() -> None:
    one = delivery(headers=[('x-token', 'other'), ('X-ALSO', 'other'), ('X-Api-Key', 'kept')])
    assert replay(f'X-Token: {TOKEN}').unprovable(one) == replay().unprovable(one) == ''
    assert sent(one, f'X-Token: {TOKEN}', f'X-Also:{TOKEN}', proof=True)[1] == {
        'X-Api-Key': 'kept', 'Host': 'here', 'Content-Length': '2', 'X-Token': TOKEN, 'X-Also': TOKEN}


def test_the_token_is_put_where_the_request_nearly_has_it() -> None:
    assert sent(delivery(headers=[('X-Api-Key', 'other')]), proof=True)[1]['X-Api-Key'] == TOKEN
    assert sent(delivery(target='/front?a=1&key=Bearer+h4sh-hush'), proof=True)[0] == f'/front?a=1&key={TOKEN}'


def test_a_token_in_the_url_is_replaced_there_unless_the_request_has_the_header_that_the_receiver_asks_for() -> None:
    one = delivery(target='/front?token=wrong')
    target, headers, _ = sent(one, f'X-Token: {TOKEN}', proof=True)
    assert (target, headers) == (f'/front?token={TOKEN}', {'Host': 'here', 'Content-Length': '2'})
    both = replace(one, headers=[('X-Token', 'wrong')])
    target, headers, _ = sent(both, f'X-Token: {TOKEN}', proof=True)
    assert (target, headers['X-Token']) == ('/front?token=wrong', TOKEN)


@pytest.mark.parametrize('token, reason', [('', 'The instance has no token to prove.'), (
    TOKEN, 'Nothing in the request says where its sender puts the token. Edit it to add a header with the token.')])
def test_a_proof_without_a_token_or_a_place_for_it_is_refused_with_the_reason(token: str, reason: str) -> None:
    assert replay(token=token).unprovable(delivery()) == reason
    with pytest.raises(UsageError, match=reason):
        replay(token=token).request(delivery(), {'proof': True}, HOST[1])


# What the page sends in place of a masked value.


def test_what_was_masked_in_a_header_is_sent_again_as_it_came() -> None:
    original = [('Authorization', 'Bearer h4sh'), ('X-A', 'old')]
    assert unmasked(None, original) == original
    assert unmasked([['authorization', f'Bearer {MASK}'], ['X-A', 'new'], ['X-B', MASK], ['X-N', 5]], original) == [
        ('authorization', 'Bearer h4sh'), ('X-A', 'new'), ('X-B', ''), ('X-N', '5')]


def test_each_of_several_headers_of_a_name_is_sent_again_as_it_came() -> None:
    original = [('X-Token', 'one'), ('X-Token', 'two')]
    assert unmasked([['X-Token', MASK], ['x-token', MASK]], original) == [('X-Token', 'one'), ('x-token', 'two')]
    assert unmasked([['X-Token', 'new'], ['X-Token', MASK]], original) == [('X-Token', 'new'), ('X-Token', 'two')]
    assert unmasked([['X-Token', 'new']], original) == [('X-Token', 'new')]
    three = [*original, ('X-Token', 'three')]
    assert unmasked(3 * [['X-Token', MASK]], three) == three
    for given in (1, 3):
        with pytest.raises(UsageError, match='There were 2 values of X-Token'):
            unmasked(given * [['X-Token', MASK]], original)


def test_a_header_that_was_repeated_with_one_value_is_sent_with_it_as_often_as_the_page_has_it() -> None:
    for original in ([('X-Token', 'one')], 2 * [('X-Token', 'one')]):
        for given in (1, 2, 3):
            assert unmasked(given * [['X-Token', MASK]], original) == given * [('X-Token', 'one')]


@pytest.mark.parametrize('given, target', [
    (f'/a?token={MASK}&x=2', '/a?token=h4sh=1&x=2'), ('/b', '/b'), ('/b?', '/b?'), ('/b?x&y=', '/b?x&y='),
    (f'/a?other={MASK}', '/a?other='), ('/a?token=new', '/a?token=new')])
def test_what_was_masked_in_a_query_is_sent_again_as_it_came(given: str, target: str) -> None:
    assert unmasked_target(given, '/a?token=h4sh=1&x=1') == target
    assert unmasked_target(f'/a?token={MASK}&token={MASK}', '/a?token=a&token=b') == '/a?token=a&token=b'
