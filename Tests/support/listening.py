"""A port at which each connection meets a behaviour: a server that does one odd thing."""
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Behaviour = Callable[[socket.socket], None]


@contextmanager
def listening(behave: Behaviour) -> Iterator[int]:
    """Let each connection to a port meet this behaviour, one after the other, and yield the port."""
    with socket.create_server(('127.0.0.1', 0)) as listener:
        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    behave(connection)
        threading.Thread(target=serve, daemon=True).start()
        yield listener.getsockname()[1]
        listener.shutdown(socket.SHUT_RDWR)
