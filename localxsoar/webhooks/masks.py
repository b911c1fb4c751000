"""Masks that hide secrets in requests, responses and logs."""
from __future__ import annotations

import base64
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import unquote_plus

from localxsoar.forward import Headers

MASK = '••••••'
# Endings of words, and of whole names without their hyphens, in the names of headers and parameters that hold secrets.
SECRET_WORDS = ('auth', 'authorization', 'token', 'secret', 'signature', 'sig', 'hmac', 'password', 'passwd', 'pwd', 'credential',
                'credentials', 'cookie', 'session', 'sessionid', 'jwt', 'assertion', 'apikey')
SECRET_ENDINGS = ('apikey', 'accesskey', 'authkey', 'functionskey', 'subscriptionkey', 'webhookkey', 'privatekey')
# Words in the name of a header whose value is a secret, but not the token.
NOT_TOKENS = {'signature', 'sig', 'hmac', 'cookie', 'session'}
SECRET_PARAMETERS = {'key', 'code'}  # secrets in a query only: as parts of headers' names these words are harmless
# The start of a header's value, which names a scheme and is not secret.
LABEL = re.compile(r'''
    (?:Bearer|Basic|Token|HMAC|GenieKey|ApiKey|Splunk|Digest) [ ]
    | (?:sha\d+|v\d|t) [=,]''', re.IGNORECASE | re.VERBOSE)
# What a URL in a header may hide: the user before its host, and each parameter.
IN_URL = re.compile(r'(?<=://)(?P<user>[^/?#@\s]+)(?=@)|(?<=[?&#])[^=?&#\s]+=[^&#\s"<>]+')
LONG_ENOUGH = 8  # a shorter secret may be part of ordinary words by chance
IN_HEX = re.compile(r'\\u[0-9A-Fa-f]{4}|%[0-9A-Fa-f]{2}')
URL_SAFE = {'+': '-', '/': '_'}
BACKSLASHES = r'\\{0,7}'  # in JSON that is a text in other JSON each is doubled
PIECE = 128 * 1024  # characters to search between two pauses
LONGEST_ESCAPE = 60  # characters: four bytes in a URL that is a part of another URL, or two halves of a pair in JSON in JSON


class Masks:
    """Masks for headers, targets and texts. `secrets` returns the instance's secret values at the moment."""

    def __init__(self, secrets: Callable[[], list[str]], pause: Callable[[], None] = lambda: None,
                 repeated: Mapping[str, str] | None = None) -> None:
        self._secrets = secrets
        self._pause = pause
        self._repeated = dict(repeated or {})
        self._repetition = re.compile(f'(?i)"({"|".join(map(re.escape, self._repeated))})' r'(\\*")(\s*:\s*)\2.*?(?<!\\)\2')

    def secrets(self) -> list[str]:
        """Return the secrets that are masked at the moment."""
        return self._secrets()

    def pausing(self, pause: Callable[[], None]) -> Masks:
        """Return the same masks, which call `pause` again and again in a long text."""
        return Masks(self._secrets, pause, self._repeated)

    def beside(self, headers: Headers) -> Masks:
        """Return masks that also hide what is hidden of these headers where a JSON text repeats them, as an incident may."""
        hidden = {str(each['name']).lower(): str(each['value']) for each in self.headers(headers) if each['masked']}
        return Masks(self._secrets, self._pause, hidden)

    def headers(self, headers: Headers) -> list[dict[str, object]]:
        """Return the headers for the page: name, value, and whether something of them is masked."""
        shown = [(pair, (self.text(pair[0]), self._header(*pair))) for pair in headers]
        return [{'name': name, 'value': value, 'masked': (name, value) != pair} for pair, (name, value) in shown]

    def target(self, target: str) -> str:
        """Return the target with the secrets in its path and query masked."""
        path, question_mark, query = target.partition('?')
        return self.text(path) + question_mark + '&'.join(map(self._parameter, query.split('&')))

    def text(self, text: str) -> str:
        """Return the text with each secret masked that is long enough, however it is written, and also in base64."""
        if spans := self._spans(text):
            starts, ends = zip(*spans, strict=True)
            text = MASK.join(text[end:start] for end, start in zip((0, *ends), (*starts, len(text)), strict=True))
        return self._repetition.sub(self._repeat, text) if self._repeated else text

    def _repeat(self, match: re.Match[str]) -> str:
        """Return a header in a JSON text as it is shown among the headers, or masked as a whole if that would need escapes."""
        name, quote, colon = match.groups()
        shown = self._repeated[name.lower()]
        return '"' + name + quote + colon + quote + (MASK if set(shown) & {'"', '\\'} else shown) + quote

    def unmasked(self, text: str, original: str, part: str = 'body') -> str:
        """Return the text with the secrets of its original in place of its masks.

        Raise ValueError if the original has several and masks were added or removed.
        """
        hidden = [original[start:end] for start, end in self._spans(original)]
        if len(set(hidden)) <= 1:
            return text.replace(MASK, hidden[0]) if hidden else text
        if len(hidden) != text.count(MASK):
            raise ValueError(f'The {part} has {len(hidden)} masked values. Keep each {MASK}, or show the secrets and edit again.')
        return ''.join(part + secret for part, secret in zip(text.split(MASK), [*hidden, ''], strict=True))

    def _spans(self, text: str) -> list[tuple[int, int]]:
        """Return where the text has secrets. Places that overlap are one: a secret may begin with another."""
        known, plain, shortest = needles_of(tuple(self._secrets()))
        if len(text) < shortest:
            return []
        is_in_hex = ('\\u' in text or '%' in text) and IN_HEX.search(text)
        if not is_in_hex and not any(map(text.replace('\\', '').__contains__, plain)):
            return []
        found = sorted(place for needle in known for place in needle.places(text, self._pause))
        spans: list[tuple[int, int]] = []
        for start, end in found:
            if spans and start < spans[-1][1]:
                spans[-1] = (spans[-1][0], max(end, spans[-1][1]))
            else:
                spans.append((start, end))
        return spans

    def everywhere(self, value: Any) -> Any:
        """Return a JSON value with each text in it masked, however deep it is."""
        top = [value]
        containers: list[Any] = [top]  # those whose items are still to be masked; a recursive function could go less deep
        while containers:
            container = containers.pop()
            for key, item in container.items() if isinstance(container, dict) else enumerate(container):
                container[key] = masked = self._masked(item)
                if isinstance(masked, (dict, list)):
                    containers.append(masked)
        return top[0]

    def _masked(self, value: Any) -> Any:
        """Return a JSON value with its text masked, or a copy with the same items whose keys are masked."""
        if isinstance(value, dict):
            return {self.text(key) if isinstance(key, str) else key: item for key, item in value.items()}
        if isinstance(value, list):
            return [*value]
        if isinstance(value, (int, float)) and not isinstance(value, bool):  # a token may be all digits
            return value if self.text(str(value)) == str(value) else MASK
        return self.text(value) if isinstance(value, str) else value

    def _header(self, name: str, value: str) -> str:
        secrets = self._secrets()
        if value and (is_secret(name) or value in secrets or value in map(in_header, secrets)):
            label = LABEL.match(value)
            return (label[0] if label else '') + MASK
        return IN_URL.sub(lambda match: MASK if match['user'] else self._parameter(match[0]), self.text(value))

    def _parameter(self, parameter: str) -> str:
        name, equals, value = parameter.partition('=')
        plain_name, plain_value = unquote_plus(name), unquote_plus(value)
        is_one = is_secret(plain_name) or not SECRET_PARAMETERS.isdisjoint(words(plain_name)) or plain_value in self._secrets()
        return f'{name}={MASK}' if value and is_one else self.text(name) + equals + self.text(value)


def words(name: str) -> list[str]:
    return re.split('[^a-z0-9]+', re.sub('(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])', '-', name).lower())


def is_secret(name: str) -> bool:
    """Return whether the ending of a word or of the whole name says that its value is a secret."""
    return ''.join(words(name)).endswith(SECRET_ENDINGS) or any(word.endswith(SECRET_WORDS) for word in words(name))


def is_token_name(name: str) -> bool:
    """Return whether a header is meant to have a token, and not a signature or a session."""
    return is_secret(name) and NOT_TOKENS.isdisjoint(words(name))


@dataclass(frozen=True)
class Needle:
    """A text to find, and a pattern in which any of its characters may be escaped as in JSON or in a URL."""
    pattern: re.Pattern[str]
    plain: set[str]  # the text in a text without backslashes and hexadecimal characters: looking for it is much quicker
    longest: int

    def places(self, text: str, pause: Callable[[], None]) -> Iterator[tuple[int, int]]:
        """Yield each place of the pattern, with the backslashes before it, which belong to its first character."""
        for begin in range(0, len(text), PIECE):
            pause()
            for match in self.pattern.finditer(text, begin, begin + PIECE + self.longest):
                start = match.start()
                while start and text[start - 1] == '\\':
                    start -= 1
                yield start, match.end()


def in_header(secret: str) -> str:
    """Return a secret as it stands in the value of a header, whose bytes are read as latin-1: 'wörd' -> 'wÃ¶rd'."""
    return secret.encode('utf-8', 'surrogatepass').decode('latin-1')


@lru_cache
def needles_of(secrets: tuple[str, ...]) -> tuple[list[Needle], list[str], int]:
    """Return the needles of all secrets that have at least LONG_ENOUGH characters, and what a quick search for them needs.

    That is the texts of these needles without escapes, the shortest first, and the length of the shortest, or sys.maxsize
    if there is none.
    """
    found = [needle for secret in secrets if len(secret) >= LONG_ENOUGH for needle in needles(secret)]
    plain = sorted({each for needle in found for each in needle.plain}, key=len)
    return found, plain, len(plain[0]) if plain else sys.maxsize


@lru_cache(512)
def needles(secret: str) -> list[Needle]:
    """Return the secret, as in a text and as in a header, and what base64 makes of it at each of three places in a content."""
    found = [make_needle(spelling, {}) for spelling in dict.fromkeys([secret, in_header(secret)])]
    for before in range(3):
        content = b'\0' * before + secret.encode('utf-8', 'surrogatepass')
        encoded = base64.b64encode(content).decode().rstrip('=')
        has_more = len(content) % 3 > 0  # the last character also has bits of what follows
        core = encoded[(0, 2, 3)[before]:len(encoded) - has_more]
        found.append(make_needle(core, URL_SAFE, r'[\w+/-]?={0,2}' if has_more else ''))
    return found


def make_needle(text: str, others: Mapping[str, str], rest: str = '') -> Needle:
    """Return a needle. `others` has characters that may be there instead of some, and `rest` is a pattern of what may follow."""
    forms = {text, json.dumps(text, ensure_ascii=False)[1:-1], text.replace(' ', '+')}
    forms |= {''.join(others.get(each, each) for each in form) for form in forms}
    characters = ([*spellings(each), *(spellings(others[each]) if each in others else [])] for each in text)
    pattern = BACKSLASHES.join(f'(?:{"|".join(dict.fromkeys(each))})' for each in characters)
    return Needle(re.compile(pattern + rest), {form.replace('\\', '') for form in forms}, len(text) * LONGEST_ESCAPE)


def spellings(character: str) -> list[str]:
    """Return patterns of a character as it is, and as JSON and URLs may escape it, without the backslashes before it.

    Each begins with a literal character, so that `re` can skip what begins with no such character.
    """
    in_json = json.dumps(character, ensure_ascii=False)[1:-1].removeprefix('\\')  # such as n for a line break
    units = re.findall('....', character.encode('utf-16-be', 'surrogatepass').hex())
    in_unicode = rf'(?<=\\u....){BACKSLASHES}'.join(f'u{in_any_case(unit)}' for unit in units) + r'(?<=\\u....)'
    in_url = ''.join(f'%(?:25){{0,2}}{in_any_case(f"{byte:02x}")}' for byte in character.encode('utf-8', 'surrogatepass'))
    short = [] if in_json == character or len(in_json) > 1 else [rf'{in_json}(?<=\\{in_json})']
    return [re.escape(character), *short, in_unicode, in_url, *([r'\+'] if character == ' ' else [])]


def in_any_case(digits: str) -> str:
    return ''.join(f'[{digit}{digit.upper()}]' if digit.isalpha() else digit for digit in digits)
