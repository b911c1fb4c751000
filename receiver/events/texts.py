"""Texts of an event as one line without tokens, and whether they say something."""
import re
from collections.abc import Callable, Iterable
from typing import Any

from receiver.events.tree import CutText, SentFloat

# XSOAR mistakes a reply for an error if it contains one of these, even within the name of an incident. Each becomes the text
# beside it.
ERROR_MARKERS = {'[ERROR-fd5a7750-7182-4b38-90ba-091824478903]': '[ ERROR-fd5a7750-7182-4b38-90ba-091824478903]', '$$##': '$ $##'}


def without_error_markers(text: str) -> str:
    """Return the text with a space inside each of XSOAR's error markers, so that XSOAR does not recognise them."""
    for marker, harmless in ERROR_MARKERS.items():
        text = text.replace(marker, harmless)
    return text


def words_of(kind: str) -> list[str]:
    """Return the words of a kind of event in lower case: 'push.created' or 'PushCreated' -> ['push', 'created'].

    A word has at least two letters, or three if they are capitals.
    """
    return [word.lower() for word in WORD_OF_KIND.findall(kind)]


WORD_OF_KIND = re.compile('[A-Z]?[a-z]{2,}|[A-Z]{3,}')


def is_token_or_agent(text: str) -> bool:
    """Return whether a text looks like a token or a user agent."""
    return (len(text) > 15 or '/' in text) and TOKEN_OR_AGENT.fullmatch(text) is not None


def first_of(texts: Iterable[str]) -> str:
    """Return the first text that is not empty, or ''."""
    for text in texts:  # next(filter(None, texts), '') would take longer, some times for each event
        if text:
            return text
    return ''


def shortened(text: str, max_length: int = 150) -> str:
    """Return the text without error markers; if it is longer than `max_length` characters, cut it and end it with `…`.

    But a path at its end loses its first folders, since the last part says most: `Deleted: …/storageAccounts/invoices`.
    """
    text = without_error_markers(text)
    if len(text) <= max_length:
        return text
    start = text.rfind(' ') + 1  # of the last word
    room = max_length - start - len('…')  # for the end of the path
    rest = text.find('/', len(text) - room) if text.startswith('/', start) else -1
    return text[:max_length - 1] + '…' if rest < 0 else f'{text[:start]}…{text[rest:]}'


LONGEST_SPELLING = 1024  # that of a token, in characters


def clean_text(value: Any, contains_token: Callable[[str], bool]) -> str:
    """Return a text or a number as one line, or '' for any other value and for a text that contains the token."""
    if type(value) not in (str, int, SentFloat, CutText):
        return ''
    whole = value.sent if type(value) is SentFloat else str(value)
    text = whole[:4096].strip()  # more than any name or date has, and quick to search
    if '  ' in text or not text.isprintable():  # any other text is one line as it is
        controls = '\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f'  # the others are white space for split()
        # Of hyphenation, width, direction and byte order: invisible. In the midst of a token, they would hide it from the check.
        marks = '\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff'
        text = ' '.join(re.sub(f'[{controls}{marks}]', '', text).split())
    if text and contains_token(text):
        return ''
    return text[:-LONGEST_SPELLING] if len(whole) > 4096 else text  # a token may be cut at its end


def untagged_text(value: Any, clean: Callable[[Any], str]) -> str:
    """Return a value as `clean` does, without the tags of HTML or XML in it: `<b>Disk</b> full<br>` -> `Disk full`."""
    text = clean(value)
    # Cleaned again: a tag may have divided the token.
    return clean(TAG.sub(' ', text)) if '<' in text and TAG_OF_MARKUP.search(text) else text


# How an object in JSON, or an array of texts or objects, begins: `{x}` and `[Wed Oct 11` are ordinary text.
JSON_TEXT = re.compile(r'\{\s*["}]|\[\s*[{"\]]')
JSON_WITH_VALUES = re.compile(r'\s*[{\[]\s*["{]')
TOKEN_OR_AGENT = re.compile(
    # A token such as `kJ2mN4pQ6rS8tU0v`: it has a small letter, a capital and three digits among 16 characters or more.
    r'(?=[\w-]{16,}\Z)(?=.*[a-z])(?=.*[A-Z])(\D*\d){3}.*|'
    # A user agent such as `Mozilla/5.0 (X11)`
    r'(Mozilla|Opera|curl|Wget|python-requests|Go-http-client|okhttp|axios|PostmanRuntime)/\d.*', re.ASCII)
TAG = re.compile(r'</?[a-z][\w-]*(\s[^<>]*)?/?>|<\?xml[^<>]*>', re.IGNORECASE | re.ASCII)
TAG_OF_MARKUP = re.compile(r'</[a-z]|<br\b|/>', re.IGNORECASE)  # without one of these, `<alice>` is ordinary text
