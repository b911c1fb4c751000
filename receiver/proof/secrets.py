"""What a 401 says, which headers an incident keeps, and whether a text has a token in it."""
import hmac
from itertools import islice
from urllib.parse import unquote, unquote_plus

from receiver.limits import MAX_KEPT_HEADER_BYTES, MAX_SIGNATURES
from receiver.problems import Unauthorized
from receiver.proof.schemes import SIGNATURE_NAME, Signature
from receiver.proof.signatures import signatures_in
from receiver.proof.tokens import OWN_PARAMETERS
from receiver.settings import Settings, Token, token_spellings


def signatures_to_check(settings: Settings, headers: dict[str, str], query_string: str) -> list[Signature]:
    """Return the signatures of a request that shows no token: one of them must be valid for its body.

    Raise Unauthorized if there are none that can be read. The names of `headers` are in lower case.
    """
    signatures = list(islice(signatures_in(headers, settings.tokens), MAX_SIGNATURES))
    if not signatures:
        raise missing_proof(settings, headers, query_string)
    return signatures


SECRET_WORDS = {'auth', 'authorization', 'token', 'secret', 'signature', 'sig', 'hmac', 'password', 'credential',
                'credentials', 'cookie', 'session', 'jwt', 'assertion', 'apikey'}
# `key` alone is not among these: X-Event-Key and Idempotency-Key contain no secret.
SECRET_ENDINGS = ('api-key', 'access-key', 'auth-key', 'functions-key', 'subscription-key', 'webhook-key', 'private-key')
# Headers for one connection only (RFC 9110, 7.6.1), and x-request-uri: in that header XSOAR repeats the query, which may
# contain a token.
NOT_KEPT = {'connection', 'keep-alive', 'proxy-authenticate', 'proxy-connection', 'te', 'trailer', 'transfer-encoding',
            'upgrade', 'x-request-uri'}


def names_secret(name: str) -> bool:
    """Return whether a header's name, such as 'x-gitlab-token' or 'x-api-key', says that its value is a secret."""
    return name.endswith(SECRET_ENDINGS) or not SECRET_WORDS.isdisjoint(name.split('-'))


def missing_proof(settings: Settings, headers: dict[str, str], query_string: str) -> Unauthorized:
    """Return the 401 for a request without a usable proof. It repeats nothing that the request contains."""
    # The most likely mistake: the sender puts `Bearer ` or `Basic ` before the token.
    _, _, credentials = headers.get('authorization', '').partition(' ')
    if settings.tokens.find([], authorization=[credentials.encode('latin-1')]):
        return Unauthorized('The Authorization header has a scheme before the token: '
                            'remove the scheme, or make it part of the token.')
    if any(map(SIGNATURE_NAME.search, headers)):
        return Unauthorized('The signature, its id or its time cannot be read: sign the body (and the time) '
                            'with HMAC-SHA256, in hex or base64, and use the token as the key.')
    secrets = {name for name, value in headers.items() if value and names_secret(name)}
    parameters = {part.partition('=')[0] for part in query_string.split('&') if part}
    seems_to_hold_one = {  # where the sender seems to have put a token, although it is not the right one
        'of the Authorization header': 'authorization' in secrets,
        'of a header for secrets': bool(secrets - {'authorization'}),
        'of a query parameter': bool(parameters.difference(OWN_PARAMETERS)),
    }
    places = ' and '.join(place for place, seems_to_hold in seems_to_hold_one.items() if seems_to_hold)
    why = f'The value {places} is not the token' if places else 'The request shows no token'
    return Unauthorized(f'{why}: send it as a whole header or query parameter, or sign the body with it.')


def kept_headers(settings: Settings, headers: dict[str, str], token: Token | None = None) -> dict[str, str]:
    """Return the headers that an incident keeps, at most MAX_KEPT_HEADER_BYTES: none for this connection alone, and no secret.

    A header is a secret by its name, if its value is a token, or if contains_token finds one inside it. Inside, only `token` is
    looked for if it is given, as in reveals_token.
    """
    remaining = MAX_KEPT_HEADER_BYTES
    # The Connection header names further headers that are meant for this connection alone (RFC 9110, 7.6.1).
    dropped = NOT_KEPT | {name.strip().lower() for name in headers.get('connection', '').split(',')}
    kept = {}
    for name, value in headers.items():
        is_token = settings.tokens.find([value.encode('latin-1')]) is not None  # as shown_token compares it
        is_secret = is_token or names_secret(name) or contains_token(settings, f'{name}: {value}', token)  # the name counts, too
        size = len(name) + len(value)
        if size <= remaining and name not in dropped and not is_secret:
            kept[name] = value
            remaining -= size
    return kept


def contains_token(settings: Settings, text: str, token: Token | None = None) -> bool:
    """Return whether a text contains any token, or `token` if one is given: as it is, percent-encoded, or in base64.

    Each `/` may be written `\\/`, as PHP does in JSON.

    A token of fewer than 8 characters has no spellings (see token_spellings), so it is never found: many texts contain it by
    chance.
    """
    if len(text) < settings.tokens.shortest_spelling:  # decoding makes no text longer
        return False
    texts = (text, unquote(text), unquote_plus(text)) if '%' in text or '+' in text else (text,)
    if '\\/' in text:
        texts = (*texts, text.replace('\\/', '/'))
    spellings = token_spellings(token.value) if token else settings.tokens.spellings
    for each in texts:
        for spelling in spellings:  # any() would take twice as long, for each text of an event
            if spelling in each:
                return True
    return False


def reveals_token(settings: Settings, value: str, token: Token | None) -> bool:
    """Return whether a value in the URL, or a part of one, is any token, or contains the one that proved the request, `token`.

    No other token is looked for inside the value: one long value could contain thousands of guesses, and whether it is ignored
    would show its sender that one is right. `token` is None only if the instance has no tokens.

    In a token that was not percent-encoded, `+` has become a space. So both are compared with `+` for each space.
    """
    with_plus = value.replace(' ', '+')
    # A sum, unlike any(), compares with all tokens, so that the time reveals nothing.
    equal_tokens = sum(hmac.compare_digest(with_plus.encode(), each.value.replace(b' ', b'+')) for each in settings.tokens)
    return equal_tokens > 0 or contains_token(settings, value, token) or contains_token(settings, with_plus, token)
