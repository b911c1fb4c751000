"""Which signatures a request has, and whether one of them is valid and fresh."""
from collections.abc import Iterator
from itertools import accumulate

from receiver.limits import MAX_LARGE_HMACS, SMALL_BODY_BYTES
from receiver.problems import Unauthorized
from receiver.proof.replays import is_timed_text
from receiver.proof.schemes import ANY, SCHEMES, SIGNATURE_NAME, Signature
from receiver.settings import Token, Tokens
from receiver.sharing import let_others_run_if_due


def signatures_in(headers: dict[str, str], tokens: Tokens) -> Iterator[Signature]:
    """Yield every signature in the headers, as each scheme of its header reads it."""
    for header in headers:
        for scheme in SCHEMES.get(header) or (SCHEMES[ANY] if SIGNATURE_NAME.search(header) else ()):
            yield from scheme.signatures(header, headers, tokens)


def within_limit(signatures: list[Signature], body: bytes) -> list[Signature]:
    """Return the signatures to check for a body: all, or for a large one the first that take MAX_LARGE_HMACS together.

    Each HMAC of a large body takes long, and a sender without a proof must not cause more of them.
    """
    if len(body) <= SMALL_BODY_BYTES:
        return signatures
    hmacs = accumulate(len(signature.keys) for signature in signatures)  # for each signature, with those before it
    return [signature for signature, so_far in zip(signatures, hmacs, strict=True) if so_far <= MAX_LARGE_HMACS]


def valid_signature(signatures: list[Signature], body: bytes, arrived: float) -> tuple[str, Token]:
    """Return the header of the first valid and fresh signature, and the token that made it. Raise Unauthorized if there is none.

    `arrived` is when the head of the request arrived, in Unix seconds: a slow body must not make the signed time too old.
    """
    why = 'No signature matches the body, its time and the token: check the token in the sender.'
    for index, signature in enumerate(within_limit(signatures, body)):
        if index > 0:
            let_others_run_if_due(0.001)  # not before the first signature: most requests have only one
        if not (token := signature.token_for(body)):  # checked first: only a sender that knows a token causes the other checks
            continue
        # Without a prefix the signed text begins with the body: the body may be what another scheme signs, prefix and all.
        if not signature.prefix and is_timed_text(body):
            why = ('The signature matches, but the body begins or ends like the signed text of another scheme, with a time: '
                   'it could be a replay. Begin and end the body differently, or send the token itself.')
        elif not signature.is_fresh(body, arrived):
            why = 'The signature matches, but its time is too far from now: check the clocks of both sides.'
        else:
            return signature.header, token
    raise Unauthorized(why)
