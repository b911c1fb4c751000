"""The parameters of an instance, read once when a command starts, and the tokens among them."""
import base64
import hmac
import os
import re
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from receiver.limits import MAX_TOKENS

TOKEN_LABEL = 'Authorization Verification Token'
TOKEN_SEPARATOR = ' || '
WHOLE_TEXT = 'whole text'  # the name of the token that is all of an `auth_header` with several tokens


class Token(NamedTuple):
    """One of the tokens of an instance.

    Tokens sort by their names, so that `min` returns the first in the form. WHOLE_TEXT comes last.
    """

    name: str  # its position in the form, from '1', or WHOLE_TEXT
    value: bytes

    def __repr__(self) -> str:
        """Return a text without the value, so that printing a token cannot leak it."""
        return f'Token({self.name})'


@lru_cache(MAX_TOKENS + 1)
def token_spellings(token: bytes) -> set[str]:
    """Return strings such that any text with the token in it, plain or in base64, contains at least one of them."""
    if len(token.decode()) < 8:  # see contains_token
        return set()
    spellings = {token.decode(), token.decode('latin-1')}  # as in a query, and as in the value of a header
    # Base64 writes 6 bits per character, so the token's base64 depends on how many bytes come before it (in `user:token`,
    # five), modulo 3. An example is a token that begins with `T` and `o`, after one other byte `:`, at the first bit 8:
    #
    #   bytes       | :             | T             | o             |
    #   bits        | 0           7 | 8          15 | 16         23 |
    #   characters  | 0         | 1         | 2         | 3         |
    #
    # Character 1 has bits of both. The token alone makes those from 2 on, until the byte after it has a part in one.
    for bytes_before in range(3):
        encoded = base64.b64encode(bytes(bytes_before) + token).decode()
        first_bit, end_bit = bytes_before * 8, (bytes_before + len(token)) * 8
        first_character, end_character = (first_bit + 5) // 6, end_bit // 6  # rounded up, rounded down
        certain = encoded[first_character:end_character]
        spellings |= {certain, certain.replace('+', '-').replace('/', '_')}  # also in the URL-safe alphabet
    return spellings


class Tokens:
    """The tokens of an instance: any of them is a proof. Without any, every POST is accepted.

    The form holds one token, or several as in `new || old`. Such a text used to be one token, so as a whole it stays valid, but
    in the Authorization header only.
    """

    def __init__(self, text: str = ''):
        """Take the tokens from the text of the form. Raise ValueError, which never quotes the text, if one is unusable."""
        texts = text.split(TOKEN_SEPARATOR) if text else []
        check_tokens(texts)
        self.single_tokens = [Token(str(position), part.encode()) for position, part in enumerate(texts, 1)]
        self.with_whole = [*self.single_tokens, Token(WHOLE_TEXT, text.encode())] if len(texts) > 1 else self.single_tokens

    def __repr__(self) -> str:
        """Return a text without the tokens, so that printing them cannot leak one."""
        return f'Tokens({len(self.single_tokens)})'

    def __iter__(self) -> Iterator[Token]:
        """Return an iterator over the single tokens, in the order of the form."""
        return iter(self.single_tokens)

    def __len__(self) -> int:
        """Return the number of tokens."""
        return len(self.single_tokens)

    def find(self, texts: Iterable[bytes], authorization: Iterable[bytes] = ()) -> Token | None:
        """Return the first token that equals one of the texts, or None. `authorization` may also be the whole `auth_header`.

        Each text is compared with all tokens, whether one is equal or not, so that the time reveals nothing.
        """
        shown = [token for text in texts for token in self.single_tokens if hmac.compare_digest(text, token.value)]
        shown += [token for text in authorization for token in self.with_whole if hmac.compare_digest(text, token.value)]
        return min(shown, default=None)

    @cached_property
    def spellings(self) -> set[str]:
        """Return strings such that any text with a token in it contains at least one of them."""
        of_each = set().union(*(token_spellings(token.value) for token in self.single_tokens))
        # The whole text contains each token, so its own spellings are needed only if each is too short to have any.
        return of_each or set().union(*(token_spellings(token.value) for token in self.with_whole))

    @cached_property
    def shortest_spelling(self) -> int:
        """Return the number of characters of the shortest spelling, or 0 if there is none."""
        return min(map(len, self.spellings), default=0)


def label_of(position: int | str, count: int) -> str:
    """Return the label of a token in the form, with its position if the form has several tokens, `count` of them."""
    return TOKEN_LABEL + (f', token {position} of {count}' if count > 1 else '')


def check_tokens(texts: list[str]) -> None:
    """Raise ValueError, which names the position of a token and never quotes it, if the form has an unusable one."""
    if len(texts) > MAX_TOKENS:
        raise ValueError(f'{TOKEN_LABEL}: it has {len(texts)} tokens: at most {MAX_TOKENS} are allowed.')
    for position, text in enumerate(texts, 1):
        which = label_of(position, len(texts))
        if not text:
            raise ValueError(f'{which}: it is empty. Write one token, or several with " || " between them.')
        if text != text.strip() or not text.isprintable():
            raise ValueError(f'{which}: it begins or ends with a space, or contains a line break or another unprintable '
                             'character: no HTTP header can carry it. Paste it again without them.')
        if text in texts[:position - 1]:
            raise ValueError(f'{which}: it is the same as token {texts.index(text) + 1}. Remove one of them.')


class Settings(NamedTuple):
    """The parameters of an instance, read once when a command starts."""

    port: int  # 0 if there is none yet
    tokens: Tokens
    incident_type: str | None
    shows_origins: bool = False  # only in a container that the local XSOAR starts for a preview: no parameter says it


def read_settings(params: dict[str, Any]) -> Settings:
    """Return the settings from an instance's parameters. Raise ValueError with the label of one that is unusable."""
    tokens = Tokens(params.get('auth_header') or '')
    port = read_port(str(params.get('longRunningPort') or '').strip())
    return Settings(port, tokens, params.get('incidentType') or None, 'LOCALXSOAR_PREVIEW' in os.environ)


def read_port(text: str) -> int:
    """Return the container's port, or 0 for an empty text. Raise ValueError if it is not a port."""
    if not text:
        return 0
    # The server may pass two ports, the host's and the container's: '443:8080' -> 8080.
    number = re.fullmatch(r'(?:\d+:)?(\d{1,5})', text, re.ASCII)
    if not number or not 1 <= int(number[1]) <= 65535:
        raise ValueError(f"Listen Port '{text}' is not a number from 1 to 65535.")
    return int(number[1])
