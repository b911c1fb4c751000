"""Masks that hide secrets in requests, responses and logs."""
from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote_plus

from localxsoar.forward import Headers

MASK = '••••••'
# Words and endings of names of headers and parameters that hold secrets.
SECRET_WORDS = {'auth', 'authorization', 'token', 'secret', 'signature', 'sig', 'hmac', 'password', 'credential', 'credentials',
                'cookie', 'session', 'jwt', 'assertion', 'apikey'}
SECRET_ENDINGS = ('api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key')
SECRET_PARAMETERS = {'key', 'code'}  # secrets in a query only: as parts of headers' names these words are harmless
# The start of a header's value, which names a scheme and is not secret.
LABEL = re.compile(r'''
    (?:Bearer|Basic|Token|HMAC|GenieKey|ApiKey|Splunk|Digest) [ ]
    | (?:sha\d+|v\d|t) [=,]''', re.IGNORECASE | re.VERBOSE)
URL_SAFE = str.maketrans('+/', '-_')
LONG_ENOUGH = 8  # a shorter secret may be part of ordinary words by chance


class Masks:
    """Masks for headers, targets and texts. `secrets` returns the instance's secret values at the moment."""

    def __init__(self, secrets: Callable[[], list[str]]) -> None:
        self._secrets = secrets

    def headers(self, headers: Headers) -> list[dict[str, object]]:
        """Return the headers for the page: name, value, and whether the value is masked."""
        shown = [(name, value, self._header(name, value)) for name, value in headers]
        return [{'name': name, 'value': masked, 'masked': masked != value} for name, value, masked in shown]

    def target(self, target: str) -> str:
        """Return the target with the secrets in its path and query masked."""
        path, question_mark, query = target.partition('?')
        return self.text(path) + question_mark + '&'.join(map(self._parameter, query.split('&')))

    def text(self, text: str) -> str:
        """Return the text with each secret masked that is long enough, in any of its encodings."""
        for secret in self._secrets():
            for spelling in spellings(secret) if len(secret) >= LONG_ENOUGH else ():
                text = text.replace(spelling, MASK)
        return text

    def thorough(self, text: str) -> str:
        """Return the text with each secret masked however its characters are escaped, and also within base64: for files."""
        text = self.text(text)
        for secret in self._secrets():
            if len(secret) >= LONG_ENOUGH:
                text = in_base64(secret).sub(MASK, text)
                if '\\' in text or '%' in text or '+' in text:
                    text = escaped(secret).sub(MASK, text)
        return text

    def binary(self, content: bytes) -> bytes:
        """Return bytes that are not text, with each secret masked that is long enough."""
        for secret in self._secrets():
            for spelling in spellings(secret) if len(secret) >= LONG_ENOUGH else ():
                content = content.replace(spelling.encode(), MASK.encode())
        return content

    def unmasked(self, text: str, original: str) -> str:
        """Return the text with the secrets of its original in place of its masks.

        Raise ValueError if the original has several and masks were added or removed.
        """
        secrets = [each for secret in self._secrets() if len(secret) >= LONG_ENOUGH for each in spellings(secret)]
        hidden = re.findall('|'.join(map(re.escape, sorted(secrets, key=len, reverse=True))), original) if secrets else []
        if len(set(hidden)) <= 1:
            return text.replace(MASK, hidden[0]) if hidden else text
        if len(hidden) != text.count(MASK):
            raise ValueError(f'The body has {len(hidden)} masked values. Keep each {MASK}, or show the secrets and edit again.')
        return ''.join(part + secret for part, secret in zip(text.split(MASK), [*hidden, ''], strict=True))

    def everywhere(self, value: Any) -> Any:
        """Return a JSON value with each text in it masked."""
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: self.everywhere(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.everywhere(item) for item in value]
        return self.text(value) if isinstance(value, str) else value

    def _header(self, name: str, value: str) -> str:
        if value and (is_secret(name) or value in self._secrets()):
            label = LABEL.match(value)
            return (label[0] if label else '') + MASK
        return self.text(value)

    def _parameter(self, parameter: str) -> str:
        name, equals, value = parameter.partition('=')
        plain_name, plain_value = unquote_plus(name), unquote_plus(value)
        is_one = is_secret(plain_name) or not SECRET_PARAMETERS.isdisjoint(words(plain_name)) or plain_value in self._secrets()
        return f'{name}={MASK}' if value and is_one else self.text(name) + equals + self.text(value)


def words(name: str) -> list[str]:
    return re.split('[^a-z0-9]+', name.lower())


def is_secret(name: str) -> bool:
    """Return whether a word or the ending of the name says that its value is a secret."""
    return '-'.join(words(name)).endswith(SECRET_ENDINGS) or not SECRET_WORDS.isdisjoint(words(name))


@lru_cache
def spellings(secret: str) -> list[str]:
    """Return the secret as it is, as in JSON, as in a URL and in base64, the longest first."""
    encoded = base64.b64encode(secret.encode()).decode()
    found = {secret, json.dumps(secret)[1:-1], quote(secret, safe=''), encoded, encoded.rstrip('=')}
    return sorted(found, key=len, reverse=True)


@lru_cache
def escaped(secret: str) -> re.Pattern[str]:
    """Return a pattern of the secret in which any character may be escaped as in JSON or in a URL."""
    return re.compile(''.join(f'(?:{"|".join(character_spellings(character))})' for character in secret))


def character_spellings(character: str) -> list[str]:
    """Return patterns of a character as it is, and as JSON and URLs may escape it."""
    in_url = ''.join(f'%{byte:02x}' for byte in character.encode('utf-8', 'surrogatepass'))
    in_json = [json.dumps(character)[1:-1].removeprefix('\\'), *([f'u{ord(character):04x}'] if ord(character) <= 0xFFFF else [])]
    # In JSON that is a text in other JSON each backslash is doubled.
    escapes = [rf'\\{{1,4}}(?i:{re.escape(each)})' if each[0] == 'u' else rf'\\{{1,4}}{re.escape(each)}' for each in in_json]
    return [re.escape(character), *escapes, f'(?i:{in_url})', *([r'\+'] if character == ' ' else [])]


@lru_cache
def in_base64(secret: str) -> re.Pattern[str]:
    """Return a pattern of the secret as a part of a text in base64: of what each of the three possible places makes of it."""
    cores = []
    for before in range(3):
        encoded = base64.b64encode(b'\0' * before + secret.encode()).decode().rstrip('=')
        end = len(encoded) - bool((before + len(secret.encode())) % 3)  # the last character also has bits of what follows
        cores.append(encoded[(0, 2, 3)[before]:end])
    return re.compile('|'.join(re.escape(each) for core in cores for each in {core, core.translate(URL_SAFE)}))
