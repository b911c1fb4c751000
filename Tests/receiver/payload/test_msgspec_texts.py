"""The texts of msgspec's exceptions on which the script relies: it cannot ask otherwise. pyproject.toml says where they hold."""
from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest
from msgspec import DecodeError, Raw, ValidationError, defstruct
from msgspec.json import Decoder

VALUE_DECODER = Decoder(Raw)
ENVELOPE = Decoder(defstruct('Envelope', [('name', Raw, Raw())], forbid_unknown_fields=True))


def text_of_error(decoder: Decoder, source: bytes) -> str:
    with pytest.raises(DecodeError) as caught:
        decoder.decode(source)
    return str(caught.value)


def test_the_installed_version_was_tried() -> None:
    settings = (Path(__file__).parents[3] / 'pyproject.toml').read_text()
    [versions] = re.findall(r'^\[tool\.tried]\nmsgspec = \[(.+)]$', settings, re.MULTILINE)
    assert f'"{msgspec.__version__}"' in versions.split(', '), 'run this file with it, and add it to pyproject.toml'


def test_its_errors_are_value_errors() -> None:
    assert issubclass(ValidationError, DecodeError) and issubclass(DecodeError, ValueError)


@pytest.mark.parametrize(('source', 'position'), [(b'{} {}', 4), (b'{}x', 3), (b'{}  \n[1]', 6), (b'[1] NaN', 5)])
def test_what_follows_a_value_is_named_with_the_position_of_its_second_byte(source: bytes, position: int) -> None:
    """json_value_end finds by it where a value ends, and so where the next begins."""
    assert text_of_error(VALUE_DECODER, source) == f'JSON is malformed: trailing characters (byte {position})'


@pytest.mark.parametrize(('source', 'reason', 'position'), [
    (b'[1,]', 'trailing comma in array', 3), (b'{"a":1,}', 'trailing comma in object', 7), (b'[1 2]', "expected ',' or ']'", 3),
    (b'{"a":1 "b":2}', "expected ',' or '}'", 7), (b'{"a" 1}', "expected ':'", 5), (b'{a:1}', "expected '\"'", 1),
    (b'{"a":"\n"}', 'invalid character', 6), (rb'"\x"', 'invalid escaped character', 2), (b'[01]', 'invalid number', 2),
    (b'[NaN]', 'invalid character', 1), (b'[-Infinity]', 'invalid character', 2)])
def test_what_is_malformed_has_a_reason_for_its_sender_and_the_position_of_a_byte(
        source: bytes, reason: str, position: int) -> None:
    """not_json makes a line and a column of it. Behind a minus sign, it is that of the first letter."""
    assert text_of_error(VALUE_DECODER, source) == f'JSON is malformed: {reason} (byte {position})'


@pytest.mark.parametrize('source', [b'', b'"a', b'[1', b'{"a":', b'nul', rb'"\ud800"'])
def test_what_ends_early_has_no_position(source: bytes) -> None:
    assert text_of_error(VALUE_DECODER, source) == 'Input data was truncated'


@pytest.mark.parametrize('key', ['x', 'a`b', 'é', 'k' * 400])
def test_a_key_that_an_envelope_does_not_have_is_quoted(key: str) -> None:
    """Conversion.add_payload quotes it to the sender, up to a limit."""
    assert text_of_error(ENVELOPE, f'{{"name": 1, "{key}": 1}}'.encode()) == f'Object contains unknown field `{key}`'
