"""What the program inside the container does beside its loop: it narrows sockets, and finds values that are not JSON."""
import _socket
import math
from itertools import chain
from typing import Any

# The beginning of a line on stderr that says which value broke the line on stdout.
NOT_JSON = 'The line to the server is broken. '


def describe_unfit(message: dict[str, Any]) -> str:
    """Return which value of a message is not JSON: the call, the type and the place of the value."""
    name = message.get('command') or message.get('type')
    try:
        return f'{name}: {find_unfit(message, "")}'
    except RecursionError:
        return f'{name}: a value contains itself, or is nested too deeply'


def find_unfit(value: Any, place: str) -> str:
    """Return the first value that is not JSON, with its type and place, or '' if there is none."""
    if value is None or isinstance(value, (str, int)):  # a bool is an int
        return ''
    if isinstance(value, float):
        return '' if math.isfinite(value) else f'{value} is not JSON in {place}'
    if isinstance(value, dict):
        keys = (key for key in value if not isinstance(key, (str, int, float, type(None))))
        bad_keys = (f'a key of type {type(key).__name__} is not JSON serializable in {place}' for key in keys)
        inner = (find_unfit(item, f'{place}.{key}'.lstrip('.')) for key, item in value.items())
        return next(filter(None, chain(bad_keys, inner)), '')
    if isinstance(value, (list, tuple)):
        return next(filter(None, (find_unfit(item, f'{place}[{n}]') for n, item in enumerate(value))), '')
    return f'{type(value).__name__} is not JSON serializable in {place}'


def bind_only_to(host: str) -> None:
    """Make sockets listen on this host where a script wants every address of the machine.

    This must run before the first import of `socket`, which takes its base class from `_socket`.
    """
    class Socket(_socket.socket):
        __slots__ = ()  # `socket.socket` has its own

        def bind(self, address: Any) -> None:
            if self.family in (_socket.AF_INET, _socket.AF_INET6) and address[0] in ('', '0.0.0.0', '::'):
                address = (self.narrowed(), *address[1:])
            super().bind(address)

        def narrowed(self) -> str:
            """Return the host in a form that fits the socket: IPv4, IPv6 only, or IPv6 that also accepts IPv4."""
            if self.family == _socket.AF_INET:
                return host
            return '::1' if self.getsockopt(_socket.IPPROTO_IPV6, _socket.IPV6_V6ONLY) else f'::ffff:{host}'
    _socket.socket = Socket  # type: ignore[misc]
