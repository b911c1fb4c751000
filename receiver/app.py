"""The routes, and the steps of a POST."""
import time
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from functools import partial
from http import HTTPStatus

from bottle import Bottle, HTTPResponse
from bottle import request as bottle_request

from receiver.body.decoding import decompress
from receiver.body.memory import MemoryClaim
from receiver.body.turns import Intake, work_size
from receiver.deliveries import DeliveryMemory
from receiver.events.rows import SenderRows
from receiver.events.texts import without_error_markers
from receiver.events.url_words import url_words
from receiver.handshakes import ALLOW, PLAIN_TEXT, Request, handshake_after_proof, handshake_before_proof
from receiver.limits import HAND_OVER_SECONDS, LONGEST_CALL_SECONDS, MAX_CALL_BYTES
from receiver.line import ServerLine
from receiver.payload.incidents import to_incidents
from receiver.payload.reading import IncidentDefaults, read_payloads
from receiver.problems import Rejected, Unavailable, json_response, problem, utc_text
from receiver.proof.secrets import contains_token, signatures_to_check
from receiver.proof.signatures import valid_signature
from receiver.proof.tokens import read_query, shown_token
from receiver.queue.posts import Post, likeness_of
from receiver.settings import Settings
from receiver.silences import Watch, watched_name

REQUEST = 'webhook.request'  # the key of the Request in the WSGI environ
ROUTE_PROBLEMS: dict[int, tuple[str, dict[str, str]]] = {  # each with its detail and headers
    HTTPStatus.NOT_FOUND: ("There is nothing at this path: send the POST to the instance's own URL.", {}),
    HTTPStatus.METHOD_NOT_ALLOWED: ('This method does nothing here: send a POST to create an incident.', ALLOW),
}


class WebhookApp(Bottle):  # type: ignore[misc]
    """The WSGI application: Bottle's routes, and the steps from a request to its response.

    The handlers take their Request as an argument. `bottle.request` belongs to the thread, which all greenlets share:
    after the first wait it may be the request of another sender.
    """

    def __init__(self, settings: Settings, line: ServerLine, sender_rows: SenderRows):
        super().__init__()
        self.settings, self.line, self.sender_rows = settings, line, sender_rows
        self.intake = Intake()
        self.deliveries = DeliveryMemory(line.queue)
        handlers = {'GET': self.greet, 'POST': self.receive, 'PUT': self.receive,
                    'OPTIONS': lambda _: HTTPResponse(status=HTTPStatus.NO_CONTENT, headers=ALLOW)}
        for method, handler in handlers.items():
            # `skip`: Bottle's plugins, for JSON and templates, have nothing to do here.
            self.route('/', method, partial(self.call_handler, handler), skip=True)

    def call_handler(self, handler: Callable[[Request], HTTPResponse]) -> HTTPResponse:
        """Return the handshake's response or the handler's; turn every exception into a response."""
        request = bottle_request.environ[REQUEST]  # read before anything can wait
        try:
            if request.is_accepted and request.method in ('POST', 'PUT'):
                self.read_url_words(request)
            self.line.queue.check_open()
            if response := handshake_before_proof(self.settings, request, self.intake):
                request.log_note = request.result = 'handshake'
            return response or handler(request)
        except Rejected as rejection:
            request.log_note = rejection.detail.partition('. ')[0]
            # Break the cycle exception -> traceback -> frame -> post -> exception. It would keep the body in memory until the
            # next garbage collection.
            rejection.__traceback__ = None
            # The detail for the sender quotes what was found, unless that contains a token.
            detail = rejection.detail if contains_token(self.settings, rejection.found) else rejection.detail_for_sender
            return problem(rejection.status, detail, rejection.headers)
        except Exception as error:
            return self.internal_error(request, error)

    def accepts(self, request: Request) -> bool:
        """Return whether the head is enough to accept a request: it shows a token, or no token is set and it is a POST/PUT.

        Record the token and the query in the request.
        """
        request.query = read_query(self.settings.tokens, request.query_string)
        request.token = shown_token(self.settings, request.headers, request.query)
        return request.token is not None if self.settings.tokens else request.method in ('POST', 'PUT')

    def default_error_handler(self, error: HTTPResponse) -> HTTPResponse:
        """Return the response to a request for which there is no route. Bottle calls this."""
        request = bottle_request.environ[REQUEST]
        request.log_note, headers = ROUTE_PROBLEMS[error.status_code]
        return problem(error.status_code, request.log_note, headers)

    def internal_error(self, request: Request, error: Exception) -> HTTPResponse:
        """Return the 500 for an unexpected exception, and report it in the log and the health.

        Only the functions on the way are reported, as values could be secrets; and the line within each, counted from its
        first one, because XSOAR puts CommonServerPython before the script.
        """
        stack = ' > '.join(f'{frame.f_code.co_name}, line {number - frame.f_code.co_firstlineno + 1}'
                           for frame, number in traceback.walk_tb(error.__traceback__))
        request.log_note = f'{type(error).__name__} in {stack}'
        self.line.health.internal_error = f'A request failed unexpectedly: {request.log_note}'
        return problem(HTTPStatus.INTERNAL_SERVER_ERROR, 'Something unexpected happened; see the log of the instance.', {})

    def greet(self, _: Request) -> HTTPResponse:
        """Return the response to a GET: the webhook is listening; and, during a long call, for how long XSOAR has been busy."""
        text = 'Generic Webhook is listening. A GET creates nothing: send a POST to create an incident.\n'
        if self.line.queue.in_flight and (seconds := time.monotonic() - self.line.queue.began_at) > LONGEST_CALL_SECONDS:
            text += f'XSOAR has been busy with one call for {seconds:.0f} s.\n'
        return HTTPResponse(text, headers=PLAIN_TEXT)

    def receive(self, request: Request) -> HTTPResponse:
        """Create the incidents of a POST. Return the response with them, or that to a handshake. Raise Rejected."""
        # If the head is enough, no signature is checked.
        signatures = [] if request.is_accepted else signatures_to_check(self.settings, request.headers, request.query_string)
        self.line.queue.check_room(request.body.size)
        # While it waits for its turn, the text counts like a body, too: 25 KiB may become 25 MiB, in thousands of requests.
        with (self.intake.body(request.body, request.is_accepted, overhead=request.memory_bytes) as body,
              closing(MemoryClaim(self.intake.accepted)) as claim):
            if not request.is_accepted:
                request.signed_by, request.token = valid_signature(signatures, body, request.arrived)  # or raise Unauthorized
                self.read_url_words(request)  # for any other, call_handler has done that
            request.is_accepted = request.is_read = True
            hand_over_by = time.monotonic() + HAND_OVER_SECONDS  # waiting for the turn counts, too
            text = decompress(body, request.headers.get('content-encoding', ''), claim)
            with self.intake.take_turn(work_size(text), request.is_gone):
                payloads = read_payloads(text, request.headers.get('content-type', ''))
                if response := handshake_after_proof(self.settings, request, body, payloads):
                    request.log_note = request.result = 'handshake'
                    return response
                post = self.post_of(request, body, payloads)
                post.hand_over_by = hand_over_by
            # The call and the reply contain the incidents of a post several times. So a large post takes a turn again, from when
            # it is queued until XSOAR has replied to its first call.
            if post.size > MAX_CALL_BYTES and len(text) > MAX_CALL_BYTES:  # not if it is large only by copies of headers
                post.take_turn = partial(self.intake.take_turn, len(text))
        del body, text, payloads  # what waits for a call keeps none of them
        response = self.response_with_incidents(request, post)
        if request.url_note:
            response.set_header('X-Webhook-Note', request.url_note)
        return response

    def read_url_words(self, request: Request) -> None:
        """Record the words of an accepted request's URL in it. With `?expect=`, it is a sign of life, whatever becomes of it."""
        words = request.words = url_words(self.settings, request.query.parameters, request.token)
        if words.expect:
            every, name = words.expect
            shown, key = watched_name(self.settings, name)
            incident_type = without_error_markers(words.type) or self.settings.incident_type
            severity = 2 if words.default_severity is None else words.default_severity  # 2: medium
            watch = Watch(shown, every, incident_type, severity, request.arrived)
            request.words = replace(words, notes=(*words.notes, *self.line.silences.hear(key, watch, time.monotonic())))

    def post_of(self, request: Request, body: bytes, payloads: list[bytes]) -> Post:
        """Return the post with the incidents of a body's payloads. Record in the request what the log says of them.

        Raise Rejected.
        """
        arrived = utc_text(request.arrived)
        defaults = IncidentDefaults(arrived, request.headers, self.settings, self.sender_rows, request.words, request.token)
        conversion = to_incidents(payloads, defaults)
        request.product = conversion.product
        request.skipped = ', '.join(conversion.skipped)
        request.url_note = conversion.findings.note()
        if request.url_note:
            self.line.log('info', f'The URL of a sender: {request.url_note}', reason=f'The URL of a sender: {request.url_note}')
        key, has_id = likeness_of(request.headers, str(request.query.parameters), body)
        return Post(conversion.incidents, request.memory_bytes, request.is_gone, key, has_id)

    def response_with_incidents(self, request: Request, post: Post) -> HTTPResponse:
        """Create the incidents of a post. Return the response with them, or with those of the post that this one repeats.

        Raise a Rejected if they are not created. If the sender is gone before they exist, raise Unavailable although the post, or
        the one that it repeats, goes on: a sender that has closed only its sending side looks as if it were gone, and reads it.
        The status is 502 then instead of 503 if a call with them was not confirmed.
        """
        if not post.incidents:
            request.result = 'skipped'
            if request.skipped:
                request.log_note = f'skipped: {request.skipped}'
            return json_response(b'[]')
        request.post = post
        response = self.deliveries.create_once(post)
        if response is None:
            status, state = HTTPStatus.SERVICE_UNAVAILABLE, 'XSOAR is still busy with this request, which stays in the queue.'
            if (post.original or post).is_in_doubt:
                status, state = HTTPStatus.BAD_GATEWAY, 'XSOAR did not confirm the creation, and will be asked again.'
            raise Unavailable(f'{state} Its incidents may exist, or will be created later.', status=status, Connection='close')
        request.log_note, request.result = post.note_and_result(request.skipped)
        return json_response(response)
