"""The tokens that a request shows in its headers and its query."""
from functools import cached_property, lru_cache
from urllib.parse import parse_qsl, unquote_to_bytes

from receiver.limits import MAX_PARAMETERS
from receiver.settings import Settings, Token, Tokens

# The query parameters of our own (see URL_WORDS); any other may be meant as a token.
OWN_PARAMETERS = ('type', 'each', 'name', 'occurred', 'severity', 'problem', 'resolved', 'skip', 'at_least', 'expect')


class Query:
    """The query of a URL. Only its first MAX_PARAMETERS parameters count."""

    def __init__(self, tokens: Tokens, text: str):
        first = text.split('&', MAX_PARAMETERS)[:MAX_PARAMETERS]  # the rest, left as one piece behind these, is dropped
        shown = [tokens.find(readings_of(parameter)) for parameter in first]  # the token that a parameter shows, or None
        self.token = min(filter(None, shown), default=None)  # the first of `auth_header` that any of them shows
        self.counted = '&'.join(first)  # the query without the rest
        self.without_tokens = '&'.join(parameter for parameter, token in zip(first, shown, strict=True) if not token)

    @cached_property
    def parameters(self) -> list[tuple[str, str]]:
        """Return the decoded names and values of the parameters that count and show no token, without empty ones."""
        return parse_qsl(self.without_tokens)

    @cached_property
    def by_name(self) -> dict[str, str]:
        """Return the parameters that count, for the handshakes. If a name occurs twice, its last value is taken.

        A token is not left out: Meta's `hub.verify_token` is one.
        """
        return dict(parse_qsl(self.counted))


# A sender's URL is always the same. So the queries that were used last are kept, as they were read, for the next request, but
# not large ones: they would take much memory.
MAX_KEPT_QUERIES = 64
MAX_KEPT_QUERY = 1024  # characters
kept_query = lru_cache(MAX_KEPT_QUERIES)(Query)


def fits_cache(text: str) -> bool:
    """Return whether what is read from a query, or from some of its values, is small enough for a cache.

    Each piece that is read takes as much memory as 75 characters more: `&` divides a query into parameters, and `,`, `|` and `.`
    divide a value, such as `?name=a.b|c,d`, into parts, alternatives and keys.
    """
    return len(text) + 75 * sum(map(text.count, '&,|.')) <= MAX_KEPT_QUERY


def read_query(tokens: Tokens, text: str) -> Query:
    """Return the query with this text, perhaps the same object as for an earlier request: nobody may change it."""
    return (kept_query if fits_cache(text) else Query)(tokens, text)


def readings_of(parameter: str) -> list[bytes]:
    """Return the byte strings that the value of a query parameter may stand for.

    In a query `+` may be a space or itself: 'key=a+b%20c' -> 'a+b c', 'a b c'.
    """
    value = parameter.partition('=')[2]
    readings = [value, value.replace('+', ' ')] if '+' in value else [value]
    return [unquote_to_bytes(each) for each in readings]


def shown_token(settings: Settings, headers: dict[str, str], query: Query) -> Token | None:
    """Return the first token that is the value of a header or of a query parameter, or None.

    A request has at most MAX_HEADERS headers, so that it cannot make thousands of guesses. Headers and parameters are counted
    apart: no header can hide a parameter.
    """
    # The bytes as they were sent: http decoded them as latin-1. Authorization is passed again, since it alone may also
    # show the whole text of `auth_header`, with all its tokens.
    in_headers = (value.encode('latin-1') for value in headers.values())
    authorization = [headers.get('authorization', '').encode('latin-1')]
    return min(filter(None, (settings.tokens.find(in_headers, authorization), query.token)), default=None)
