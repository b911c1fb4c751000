"""In the container: records in a cassette of vcrpy what a script's HTTP asks and gets, or replays it. Secrets are masked.

A container loads this file by its path: it imports nothing of the local XSOAR, and vcrpy when a recording starts.
"""
import atexit
import re
from collections.abc import Sequence
from importlib import import_module
from typing import Any
from urllib.parse import quote, quote_plus

MASK = '***'
SHORTEST = 4  # a shorter secret would mask what only looks like it
NAMES = r'[\w-]*(?:auth|cookie|token|secret|password|passwd|signature|api-?_?key)[\w-]*'
SECRET_HEADER = re.compile(NAMES, re.IGNORECASE)
SECRET_FIELDS = (re.compile(rf'("{NAMES}"\s*:\s*")[^"]*', re.IGNORECASE),  # of JSON, and of a form or a query
                 re.compile(rf'((?:^|[?&]){NAMES}=)[^&]*', re.IGNORECASE))


def start(file: str, replays: bool, secrets: Sequence[str], own: str) -> None:
    """Record or replay until the process ends. A replay fails for a request that the cassette does not have."""
    vcr: Any = import_module('vcr')
    masks = Masks(secrets)

    def request_to_keep(request: Any) -> Any:
        return None if own and request.uri.startswith(own) else masks.request(request)

    recorder = vcr.VCR(record_mode=vcr.mode.NONE if replays else vcr.mode.ALL, before_record_request=request_to_keep,
                       before_record_response=masks.response, decode_compressed_response=True)
    cassette = recorder.use_cassette(file)
    cassette.__enter__()
    atexit.register(cassette.__exit__, None, None, None)


class Masks:
    """Masks of the secrets of an instance, and of what headers, parameters and fields call one."""

    def __init__(self, secrets: Sequence[str]) -> None:
        long = [secret for secret in secrets if len(secret) >= SHORTEST]
        forms = {form for secret in long for form in (secret, quote(secret, ''), quote_plus(secret))}
        self._secret = re.compile('|'.join(map(re.escape, sorted(forms, key=len, reverse=True))) or r'(?!)')

    def text(self, text: str) -> str:
        for fields in SECRET_FIELDS:
            text = fields.sub(rf'\g<1>{MASK}', text)
        return self._secret.sub(MASK, text)

    def body(self, body: Any) -> Any:
        """Return a masked body. One that is not text stays as it is."""
        if not isinstance(body, bytes):
            return self.text(body) if isinstance(body, str) else body
        try:
            return self.text(body.decode()).encode()
        except UnicodeDecodeError:
            return body

    def request(self, request: Any) -> Any:
        request.uri = self.text(request.uri)
        request.body = self.body(request.body)
        for name in list(request.headers):
            request.headers[name] = MASK if SECRET_HEADER.search(name) else self.text(str(request.headers[name]))
        return request

    def response(self, response: Any) -> Any:
        headers = {name: [MASK] if SECRET_HEADER.search(name) else values for name, values in response['headers'].items()}
        return {**response, 'headers': headers, 'body': {**response['body'], 'string': self.body(response['body']['string'])}}
