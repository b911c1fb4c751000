"""Requests byte by byte, and what is answered to them on one connection."""

from shared.webhook import TOKEN, Answer, Webhook, read_answers, read_to_end

HOST = b'Host: x\r\n'
AUTHORIZED = HOST + b'Authorization: ' + TOKEN.encode() + b'\r\n'
POST = b'POST / HTTP/1.1\r\n' + AUTHORIZED
CHUNKED = POST + b'Transfer-Encoding: chunked\r\n\r\n'
GET = b'GET / HTTP/1.1\r\n' + HOST + b'\r\n'
LAST = b'GET / HTTP/1.1\r\n' + HOST + b'Connection: close\r\n\r\n'


def exchange(webhook: Webhook, sent: bytes) -> list[Answer]:
    """What is answered to these bytes until the connection ends, read as strictly as h11 does."""
    with webhook.connect() as sender:
        sender.sendall(sent)
        text = read_to_end(sender)
    return list(read_answers(text))
