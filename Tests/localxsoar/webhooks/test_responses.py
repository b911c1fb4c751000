"""What is read from a response: why a request was rejected, and whether the response confirmed an address."""

from typing import Any

import pytest

from localxsoar.webhooks.responses import headline, is_handshake, problem


@pytest.mark.parametrize('text, reason', [
    ('{"title": "t", "message": "m", "error": "e", "detail": "d"}', 'd'), ('{"title": "t", "message": "m", "error": "e"}', 'e'),
    ('{"title": "t", "message": "m"}', 'm'), ('{"title": "t", "detail": ""}', 't'), ('{"detail": {"a": 1}}', "{'a': 1}"),
    ('{"other": 1}', '{"other": 1}'), ('["a"]', '["a"]'), ('plain\nmore', 'plain'), ('', ''), ('[' * 100_000, '[' * 299 + '…')])
def test_the_reason_of_a_rejection_is_a_field_or_the_first_line(text: str, reason: str) -> None:
    assert problem(text) == reason


@pytest.mark.parametrize('text, first', [
    ('a\nb', 'a'), ('\n  a  \nb', 'a'), ('x' * 300, 'x' * 300), ('x' * 301, 'x' * 299 + '…')])
def test_a_headline_is_one_line_of_300_characters_at_most(text: str, first: str) -> None:
    assert headline(text) == first


@pytest.mark.parametrize('request_text, headers, response, confirms', [
    ('challenge=abcd', [], 'abcd', True), ('challenge=abcd', [], '{"challenge": "abcd"}', True),
    ('abcd', [], '{"a": "other", "b": "abcd"}', True),
    ('ok ok', [], 'ok', False), ('abc', [], 'abc', False), ('abcd', [], '{"a": "abc"}', False), ('abcd', [], '', False),
    ('abcd', [], '["abcd"]', False), ('["abcd"]', [], '["abcd"]', True), ('12345', [], '{"a": 12345}', False),
    ('example.com', [('WebHook-Allowed-Origin', 'example.com')], '', True),
    ('example.com', [('X-Other', 'example.com')], '', False),
    ('abcd', [], str({str(n): 'x' for n in range(10)} | {'10': 'abcd'}).replace("'", '"'), False),
    ('abcd', [], str({str(n): 'x' for n in range(9)} | {'9': 'abcd'}).replace("'", '"'), True), ('a', [], '[' * 100_000, False)])
def test_a_response_confirms_an_address_if_it_repeats_a_text_of_the_request(
        request_text: str, headers: Any, response: str, confirms: bool) -> None:
    assert is_handshake(request_text, headers, response) is confirms
