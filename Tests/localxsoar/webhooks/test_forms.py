"""Forms and query parameters as tables."""

import pytest

from localxsoar.webhooks import forms
from localxsoar.webhooks.forms import HEAD_BYTES, SHOWN_CHARACTERS, SHOWN_FIELDS, query_fields
from localxsoar.webhooks.masks import MASK, Masks

FORM = [('content-type', 'application/x-www-form-urlencoded; charset=utf-8')]
MULTIPART = [('Content-Type', 'multipart/form-data; boundary="b 1"')]


def form_fields(headers: list[tuple[str, str]], body: bytes) -> list[dict[str, str]]:
    return forms.form_fields(headers, body, Masks(lambda: ['h4sh-hush']).text)


def part(head: bytes, content: bytes) -> bytes:
    return b'--b 1\r\nContent-Disposition: form-data; ' + head + b'\r\n\r\n' + content + b'\r\n'


def test_parameters_are_decoded_in_their_order_and_may_repeat() -> None:
    assert [(each['name'], each['value']) for each in query_fields('/x?a=1&b=a%20b+c&a=%E2%82%AC&empty=')] == [
        ('a', '1'), ('b', 'a b c'), ('a', '\u20ac'), ('empty', '')]
    assert query_fields('/x') == []


def test_the_fields_of_a_form_are_decoded() -> None:
    found = form_fields(FORM, b'name=a+b&x=%0D%0A\r\n')
    assert [(each['name'], each['value']) for each in found] == [('name', 'a b'), ('x', '\r\n')]


@pytest.mark.parametrize('body', [b'{"a": "b=c"}', b' [1]', b'disk full', b''])
def test_a_body_that_only_has_the_label_of_a_form_is_not_a_form(body: bytes) -> None:
    assert form_fields(FORM, body) == []


def test_the_parts_of_a_multipart_form_and_what_its_files_are() -> None:
    body = (part(b'name="subject"', b'A\r\nmail') + part(b'name="f"; filename="r.txt"\r\nContent-Type: text/plain', b'text')
            + part(b'name="g"; filename="p.png"\r\nContent-Type: image/png', b'\x89PNG\xff')
            + part(b'name="h"; filename=""', b'') + b'--b 1--\r\n')
    assert [tuple(each.values()) for each in form_fields(MULTIPART, body)] == [
        ('subject', 'A\r\nmail', ''), ('f', 'text', 'file r.txt, text/plain, 4 bytes'),
        ('g', '', 'file p.png, image/png, 5 bytes'), ('h', '', 'file , text/plain, 0 bytes')]


@pytest.mark.parametrize('body', [b'', b'--b 1', b'--b 1--', b'--b 1\r\n\r\n', b'--b 1\r\nx\r\n\r\ny', b'no boundary'])
def test_a_broken_multipart_form_is_read_as_far_as_it_goes(body: bytes) -> None:
    assert all(set(each) == {'name', 'value', 'note'} for each in form_fields(MULTIPART, body))


def test_thousands_of_fields_are_cut() -> None:
    assert len(form_fields(FORM, b'a=b&' * 5000)) == len(form_fields(MULTIPART, part(b'name="a"', b'b') * 5000)) == SHOWN_FIELDS


def test_a_secret_is_masked_even_where_a_long_value_is_cut() -> None:
    [found] = form_fields(FORM, b'a=' + b'x' * (SHOWN_CHARACTERS - 3) + b'h4sh-hush')
    assert found['value'] == 'x' * (SHOWN_CHARACTERS - 3) + MASK[:3] + '…'


@pytest.mark.parametrize('size, kind', [(HEAD_BYTES, 'image/png'), (HEAD_BYTES + 1, 'image/pn')])
def test_the_head_of_a_part_is_read_as_far_as_a_head_goes(size: int, kind: str) -> None:
    start, end = b'name="f"; filename="p"\r\nX: ', b'\r\nContent-Type: image/png'
    padding = b'y' * (size - len(b'Content-Disposition: form-data; ' + start + end))
    found, = form_fields(MULTIPART, part(start + padding + end, b'text') + b'--b 1--\r\n')
    assert (found['name'], found['note']) == ('f', f'file p, {kind}, 4 bytes')


def test_a_name_with_its_encoding_is_decoded() -> None:
    body = part(b"name*=utf-8''gr%C3%BCn; filename*=utf-8''a%20b", b'text') + b'--b 1--\r\n'
    assert [(each['name'], each['note'][:8]) for each in form_fields(MULTIPART, body)] == [('gr\u00fcn', 'file a b')]
