"""The deliveries: each request to the server's address, its response, and what the request became."""
from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

from localxsoar.events import Events
from localxsoar.forward import Headers, NotHttp, Request, Response, SenderGone, not_http_response
from localxsoar.webhooks.forms import form_fields
from localxsoar.webhooks.log_lines import LogReader, delivery_id, moment
from localxsoar.webhooks.masks import Masks, is_token_name
from localxsoar.webhooks.origins import Origins, Trace, contents_of
from localxsoar.webhooks.readable import readable
from localxsoar.terminal.chain import chain
from localxsoar.terminal.printer import NOTHING, Printer, gravest, triage
from localxsoar.webhooks.recognition import SenderRecognizer
from localxsoar.webhooks.responses import NOTE, Mentioned, headline, is_handshake, problem
from localxsoar.incidents.store import brief
from localxsoar.webhooks.search import SearchIndex, shown
from localxsoar.turns import Turns

KEPT_DELIVERIES, MOST_DELIVERIES = 500, 100_000
MOST_NUMBER = 2 ** 62  # of a delivery
KEPT_BYTES_EACH = 100 * 1024  # on average
MOST_BYTES = 2 * 1024 ** 3
KEPT_BODY_BYTES = 26 * 1024 * 1024  # longer than any body that an integration accepts; a longer one can't be sent again
KEPT_RESPONSE_BYTES = 1024 * 1024
KNOWN_INCIDENTS = 20_000  # incidents that a response of a repeat may still mention
MOST_LINES, MOST_CHARACTERS = 100, 10_000  # of the log, that are kept with a delivery
UNSAID_SECONDS = 3.0  # in which a script logs why it created nothing
WITHOUT_EVENTS = ('GET', 'HEAD', 'OPTIONS')
NO_INCIDENT = 'no incident'
OLD_NAMES = {'answer_size': 'response_size'}  # in the summaries of stores that earlier versions wrote; the columns keep theirs
SCHEMA = """
CREATE TABLE IF NOT EXISTS delivery (number INTEGER PRIMARY KEY, size INTEGER, summary TEXT, headers TEXT, body BLOB,
                                     answer_headers TEXT, answer BLOB);
CREATE TABLE IF NOT EXISTS line (delivery INTEGER, moment REAL, contents TEXT);
CREATE INDEX IF NOT EXISTS line_of_delivery ON line (delivery);
"""


@dataclass
class Delivery:
    """One request and, later, its response. `kind`, `incidents`, `triage` and `text` say what the request became."""
    number: int
    started: float
    method: str
    target: str
    headers: Headers
    peer: str
    sender: str = ''
    sender_key: str = ''
    size: int = 0
    status: int | None = None
    reason: str = ''
    milliseconds: float = 0
    kind: str = 'waiting'
    incidents: list[str] = field(default_factory=list)
    own: list[str] = field(default_factory=list)  # the incidents that it created itself
    text: str = ''
    triage: str = ''
    response_size: int = 0
    response_headers: Headers = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    response: bytearray = field(default_factory=bytearray)
    mentioned: Mentioned = field(default_factory=Mentioned)
    note: str = ''  # what the response's header for notes says
    origin: int | None = None  # the delivery that this one repeats, if the page sent it
    alike: int = 0  # the number of the first delivery to the same path with the same body, or 0 if that is not known
    missing: str = ''  # why the request is not kept as it came, or ''
    is_partial: bool = False  # whether a part of the body has not arrived
    acts: list[dict[str, Any]] = field(default_factory=list)  # what a pre-process rule did with its events
    event: str = ''  # the name of the first of these events
    skipped: str = ''  # why its script created nothing of some events, as the log says
    is_repeat: bool = False  # whether the log says so
    repeats: int = 0  # the number of the delivery that it repeats, or 0 if there is none or it is not known
    is_lost: bool = False
    has_left: bool = False  # whether its sender left before the response
    is_logged: bool = False  # whether the line for its request came before its end

    SUMMARY = ('number', 'started', 'method', 'target', 'peer', 'sender', 'sender_key', 'size', 'status', 'reason',
               'milliseconds', 'kind', 'incidents', 'own', 'triage', 'text', 'note', 'response_size', 'origin', 'alike')
    ADDITIONS = ('acts', 'event', 'skipped', 'is_repeat', 'repeats', 'is_lost', 'has_left')  # which most deliveries lack

    def summary(self) -> dict[str, Any]:
        """Return what a list shows of the delivery, under its names in JSON."""
        more = {name: value for name in self.ADDITIONS if (value := getattr(self, name))}
        return {**{name: getattr(self, name) for name in self.SUMMARY}, 'missing': self.gap(), **more}

    def gap(self) -> str:
        """Return why the request cannot be repeated as it came, or ''."""
        if self.missing:
            return self.missing
        if self.is_partial:
            return f'Only {self.size:,} bytes of the body have arrived.'
        return 'The body was too large to be kept whole.' if self.size > len(self.body) else ''

    def readable_request(self) -> str:
        """Return every text in the request that a handshake could ask the receiver to repeat."""
        text = unquote_plus(self.target.partition('?')[2]) + self.body[:KEPT_RESPONSE_BYTES].decode('utf-8', 'replace')
        return text + '\n'.join(value for name, value in self.headers if name.lower() not in ('host', 'accept', 'connection'))

    def likeness(self) -> tuple[Any, ...]:
        """Return what a retry has in common with the request: all but times and ids. Of a long body only the beginning counts."""
        tokens = [value for name, value in self.headers if is_token_name(name)]
        return self.method, self.target, tokens, self.size, hash(bytes(self.body[:KEPT_RESPONSE_BYTES]))

    def note_piece(self, piece: bytes) -> bytes:
        """Keep a copy of a piece of the request's body as it passes."""
        self.size += len(piece)
        if len(self.body) < KEPT_BODY_BYTES:
            self.body += piece
        return piece

    def tee_response(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield the pieces of the response's body, and keep a copy of each as it passes."""
        for piece in pieces:
            self.response_size += len(piece)
            self.mentioned.read(piece)
            if len(self.response) < KEPT_RESPONSE_BYTES:
                self.response += piece
            yield piece

    def note_response(self, response: Response) -> Response:
        """Return the same response, changed so that its body is kept as it passes."""
        self.status, self.reason, self.response_headers = response.status, response.reason, list(response.headers)
        self.note = ' '.join(value for name, value in response.headers if name.lower() == NOTE)
        response.pieces = self.tee_response(response.pieces)
        return response

    def note_end(self) -> None:
        """Note how long the exchange took. What the sender sends after the response does not count."""
        self.milliseconds = self.milliseconds or (time.time() - self.started) * 1000

    def note_departure(self, text: str = '') -> None:
        """Note that the exchange ended without a complete response: because its sender left, or because of what `text` says."""
        self.status, self.kind, self.has_left = None, 'gone', not text
        self.text = text or 'The sender left before the response.'


class Copied:
    """The pieces of a body, each copied to the delivery as it passes.

    This is not a generator, which would end with the first greenlet that is killed while it reads.
    """

    def __init__(self, delivery: Delivery, pieces: Iterable[bytes], end: Callable[[Delivery], None]) -> None:
        self._delivery, self._pieces, self._end = delivery, iter(pieces), end

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        try:
            return self._delivery.note_piece(next(self._pieces))
        except StopIteration:
            if self._delivery.is_partial:
                self._delivery.is_partial = False
                self._end(self._delivery)
            raise


class Deliveries:
    """The latest deliveries, bounded in number and bytes. In a file they outlive the server."""

    def __init__(self, file: Path | None, recognizer: SenderRecognizer, masks: Masks, printer: Printer, events: Events,
                 limit: int = KEPT_DELIVERIES, byte_limit: int = MOST_BYTES) -> None:
        self._recognizer = recognizer
        self._masks = masks
        self._printer = printer
        self._events = events
        self._limit, self._byte_limit = limit, min(byte_limit, limit * KEPT_BYTES_EACH)
        self._lock = threading.Lock()
        self._database = sqlite3.connect(str(file) if file else ':memory:', check_same_thread=False, isolation_level=None)
        self._database.execute('PRAGMA journal_mode = WAL')
        self._database.execute('PRAGMA synchronous = OFF')
        self._database.execute('PRAGMA secure_delete = ON')  # nothing of a deleted body stays in the file
        self._database.executescript(SCHEMA)
        self._sizes = OrderedDict(self._query('SELECT number, size FROM delivery ORDER BY number'))
        self._bytes = sum(self._sizes.values())
        [[cleared]] = self._query('PRAGMA user_version')  # the last number that a person has deleted
        self._last = max([cleared, *self._sizes])
        self.removed = min(self._sizes, default=cleared + 1) - 1 - cleared  # how many made room since then
        self._waiting: dict[int, Delivery] = {}
        self._cut: set[int] = set()  # the deliveries of whose bodies only the beginning is in the index
        self.index = SearchIndex(masks, self._texts, file.absolute().parent if file else None, is_complete=not self._sizes)
        self._known: OrderedDict[str, dict[str, Any]] = OrderedDict()  # incidents in brief by id, the latest last
        self._origins = Origins(self._contents)
        self._alike: OrderedDict[bytes, int] = OrderedDict()  # the first deliveries by what they have in common with others
        self._next_incident = 1
        self._lines = LogReader()
        self._noting = threading.RLock()  # a line of the log may come while its delivery ends
        self._unsaid: OrderedDict[int, float] = OrderedDict()  # when deliveries ended that are printed once the log says more
        printer.claim, printer.take, printer.acted, printer.logged = self.created, self._origins.take, self.acted, self.note_log

    def _query(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            return self._database.execute(sql, values).fetchall()

    # Recording.

    @contextmanager
    def record(self, request: Request, origin: int | None = None) -> Iterator[Delivery]:
        """Record a request while it is handled, with the response that the caller notes, and how it ended."""
        delivery = self._begin(request.method, request.target, request.headers, request.peer, origin)
        request.body, delivery.is_partial = Copied(delivery, request.body, self._arrived), True
        try:
            yield delivery
        except NotHttp as error:
            delivery.note_response(not_http_response(error))
            raise
        except SenderGone:
            delivery.note_departure()
            raise
        finally:
            self._end(delivery)

    def record_not_http(self, peer: str, response: Response) -> None:
        """Record a connection whose bytes were not a request."""
        delivery = self._begin('?', '', [], peer)
        delivery.missing = 'The bytes that arrived are not a request.'
        for _ in delivery.note_response(replace(response)).pieces:
            pass  # reading the pieces keeps them
        self._end(delivery)

    def _begin(self, method: str, target: str, headers: Headers, peer: str, origin: int | None = None) -> Delivery:
        """Return a new delivery, which waits for its response. Its sender is recognized by its headers for now."""
        self._last += 1
        delivery = Delivery(self._last, time.time(), method, target, headers, peer, origin=origin)
        delivery.sender = self._recognizer.recognize(headers, b'')[1]
        self._waiting[delivery.number] = delivery
        self._origins.began(Trace(delivery.number, delivery.started, self._next_incident))
        self._lines.began(delivery.number, delivery.started, Request(method, target, headers))
        self._events.publish('delivery', self._shown(delivery.summary()))
        return delivery

    def _arrived(self, delivery: Delivery) -> None:
        if delivery.number in self._waiting:  # the rest of a body may come after the end
            self._origins.arrived(delivery.number, delivery.likeness(), delivery.headers)

    def _end(self, delivery: Delivery) -> None:
        """Interpret, keep, publish and print a delivery that is over."""
        delivery.note_end()
        self._lines.ended(delivery.number, delivery.size, delivery.status, delivery.note, time.time())
        sender, delivery.sender = self._recognizer.recognize(delivery.headers, bytes(delivery.body))
        delivery.sender_key = sender.key if sender else ''
        with self._noting:
            changed = self._note_result(delivery)
            delivery.alike = self._first_alike(delivery)
            self._note_original(delivery)
            self._keep(delivery)
            del self._waiting[delivery.number]
            shown = self._shown(delivery.summary())
            self._events.publish('delivery', shown)
            self._unsaid[delivery.number] = time.monotonic()
            if delivery.is_logged or delivery.text != NOTHING:
                self._print(shown)
        self._correct(changed)
        self._make_room()

    def _print(self, shown: dict[str, Any], is_later: bool = False) -> None:
        is_first = self._unsaid.pop(shown['number'], None) is not None
        if is_first or is_later:
            self._printer.delivery(shown, is_later=not is_first)

    def print_late(self, seconds: float = UNSAID_SECONDS) -> None:
        """Print the deliveries of which the log should have said more for so long."""
        for number, ended in list(self._unsaid.items()):
            if time.monotonic() - ended >= seconds and (delivery := self.get(number)):
                self._print(self._shown(delivery.summary()))

    def _first_alike(self, delivery: Delivery) -> int:
        if not delivery.size or delivery.gap():
            return 0
        path = delivery.target.partition('?')[0]
        first = self._alike.setdefault(hashlib.sha256(path.encode() + b'\0' + delivery.body).digest(), delivery.number)
        while len(self._alike) > self._limit:
            self._alike.popitem(last=False)
        return first

    def _keep(self, delivery: Delivery) -> None:
        row = [json.dumps(delivery.summary()), json.dumps(delivery.headers), bytes(delivery.body),
               json.dumps(delivery.response_headers), bytes(delivery.response)]
        size = sum(map(len, row))
        self._query('INSERT INTO delivery VALUES (?,?,?,?,?,?,?)', [delivery.number, size, *row])
        self._sizes[delivery.number] = size
        self._bytes += size
        self.index.add(delivery.number, self._text(delivery))

    def _make_room(self) -> None:
        """Remove the oldest deliveries beyond the limit of their number, and the largest bodies beyond the limit of bytes.

        So a few large bodies leave the history of small deliveries as it is.
        """
        while len(self._sizes) > self._limit:
            self._remove_oldest()
        while self._bytes > self._byte_limit and len(self._sizes) > 1:
            large = max(self._sizes.values()) / 2  # of bodies of about the same size the oldest goes
            if not self._remove_body(next(number for number, size in self._sizes.items() if size >= large)):
                self._remove_oldest()

    def _remove_oldest(self) -> None:
        number, size = self._sizes.popitem(last=False)
        self._bytes -= size
        self.removed += 1
        self._query('DELETE FROM delivery WHERE number = ?', [number])
        self._query('DELETE FROM line WHERE delivery = ?', [number])
        self.index.remove(number)
        self._events.publish('removed', {'number': number, 'removed': self.removed})

    def _remove_body(self, number: int) -> bool:
        """Remove the larger body of a delivery, and return whether it had one."""
        sql = 'SELECT summary, length(body), length(answer) FROM delivery WHERE number = ?'
        [(text, body, answer)] = self._query(sql, [number])
        part, removed = ('body', body) if body >= answer else ('answer', answer)
        if not removed:
            return False
        summary = json.loads(text)
        if part == 'body':
            summary['missing'] = 'The body was removed to make room for others.'
        self._sizes[number] -= removed
        self._bytes -= removed
        self._query(f"UPDATE delivery SET {part} = x'', summary = ?, size = ? WHERE number = ?",
                    [json.dumps(summary), self._sizes[number], number])
        self._index_again(number)
        self._events.publish('delivery', self._shown(summary))
        return True

    # Interpreting.

    def created(self, incidents: Sequence[dict[str, Any]]) -> None:
        """Note new incidents. A delivery whose response mentions one has created it, or repeats the one that did."""
        for incident in incidents:
            self._known[incident['id']] = brief(incident)
            self._next_incident = int(incident['id']) + 1
            self._events.publish('incident', self._known[incident['id']])
        while len(self._known) > KNOWN_INCIDENTS:
            self._known.popitem(last=False)
        self._correct(self._origins.created(incidents))

    def _correct(self, numbers: Iterable[int]) -> None:
        """Say of ended deliveries what is known of their incidents now, and print the incidents that no response named."""
        for number in numbers:
            with self._noting:
                if number not in self._waiting and (delivery := self.get(number)):
                    before = chain(delivery.summary())
                    self._note_incidents(delivery, delivery.incidents)
                    self._note_change(delivery, before)
        while self._origins.abandoned:
            self._printer.incident(self._origins.abandoned.pop(0))

    def _note_change(self, delivery: Delivery, before: list[dict[str, Any]]) -> None:
        """Keep and publish what is known now of a delivery, and print it if something else became of it than before."""
        if delivery.number in self._waiting:
            return
        self._note_original(delivery)
        summary = delivery.summary()
        self._query('UPDATE delivery SET summary = ? WHERE number = ?', [json.dumps(summary), delivery.number])
        self._index_again(delivery.number)
        shown = self._shown(summary)
        self._events.publish('delivery', shown)
        self._print(shown, is_later=before != shown['chain'])

    def acted(self, number: int, acts: Sequence[dict[str, Any]]) -> None:
        """Note what a pre-process rule did with an event of a delivery, of which the number is 0 if it is not known."""
        with self._noting:
            if delivery := self.get(number):
                before = chain(delivery.summary())
                delivery.event = delivery.event or acts[0]['name']
                delivery.acts += [{name: act[name] for name in ('word', 'incident', 'text')} for act in acts]
                self._note_change(delivery, before)
        for act in acts:
            self._events.publish('act', act)

    def note_log(self, entries: Sequence[dict[str, Any]], instance: str) -> None:
        """Keep the lines of a log that belong to deliveries, add the numbers of these to the lines, and note what they say."""
        for entry in entries:
            number, told = self._lines.owner(entry, instance, self._origins.creator)
            with self._noting:
                if number not in self._sizes and number not in self._waiting:
                    continue
                entry['delivery'] = number
                self._query('INSERT INTO line SELECT ?, ?, ? WHERE (SELECT count(*) FROM line WHERE delivery = ?) < ?', [
                    number, moment(entry), json.dumps({**entry, 'text': entry['text'][:MOST_CHARACTERS]}), number, MOST_LINES])
                says_more = any(told.values()) or (told and (number in self._unsaid or number in self._waiting))
                if says_more and (delivery := self.get(number)):
                    before = chain(delivery.summary())
                    delivery.is_logged, delivery.has_left = True, delivery.has_left or told['has_left']
                    delivery.skipped, delivery.is_lost, delivery.is_repeat = told['skipped'], told['is_lost'], told['is_repeat']
                    self._note_change(delivery, before)

    def _note_original(self, delivery: Delivery) -> None:
        """Set the delivery that this one repeats: the one that created the incidents, or else the latest that was alike."""
        if repeated := [number for number in delivery.incidents if number not in delivery.own]:
            delivery.repeats = self._origins.creator(repeated[0]) or delivery.repeats
        elif delivery.own:  # before that was known, the line of an equal delivery may have been taken for its own
            delivery.is_repeat, delivery.repeats = False, 0
        elif delivery.is_repeat and not delivery.repeats:
            delivery.repeats = self._latest_alike(delivery)

    def _latest_alike(self, delivery: Delivery) -> int:
        """Return the number of the latest earlier delivery with the same body, target and id that repeats no other, or 0."""
        rows = self._query('SELECT summary FROM delivery WHERE number < ? AND number >= ? ORDER BY number DESC',
                           [delivery.number, delivery.alike or delivery.number])
        known = delivery_id(self.lines(delivery.number))
        return next((each['number'] for each in (json.loads(summary) for summary, in rows)
                     if (each['alike'], each['target']) == (delivery.alike, delivery.target) and each['kind'] != 'rejected'
                     and not each.get('is_repeat') and delivery_id(self.lines(each['number'])) == known), 0)

    def lines(self, number: int) -> list[dict[str, Any]]:
        """Return the lines of the log that belong to a delivery, unmasked, in their order."""
        rows = self._query('SELECT contents, moment FROM line WHERE delivery = ? ORDER BY moment, rowid', [number])
        return [{**json.loads(contents), 'at': at} for contents, at in rows]

    def _contents(self, number: int) -> Counter[str]:
        """Return the contents that incidents of a delivery may have."""
        if not (delivery := self.get(number)):
            return Counter()
        body = bytes(delivery.body)
        return contents_of(readable(delivery.headers, body), form_fields(delivery.headers, body, str))

    def _note_result(self, delivery: Delivery) -> set[int]:
        """Set what the delivery became: `kind`, `incidents` and `text`. Return of which others that has changed, too."""
        named = [number for number in delivery.mentioned.ids if number in self._known]
        if delivery.status is not None and delivery.status >= 400:
            named = []
        elif delivery.status is not None and not named:
            # A response need not mention incidents. If no other delivery was under way, the new ones are this delivery's.
            named = self._origins.left_for(delivery.number)
        changed = self._origins.ended(delivery.number, named, delivery.status)
        self._note_text(delivery)
        self._note_incidents(delivery, named)
        return changed

    def _note_text(self, delivery: Delivery) -> None:
        """Set `kind` and `text` of a delivery without incidents."""
        text = delivery.response.decode('utf-8', 'replace').strip()
        if delivery.status is None:
            return
        if delivery.status >= 400:
            delivery.kind, delivery.text = 'rejected', problem(text) or delivery.reason
        elif is_handshake(delivery.readable_request(), delivery.response_headers, text):
            delivery.kind, delivery.text = 'handshake', 'the address is confirmed'
        else:
            said = NO_INCIDENT if delivery.method in WITHOUT_EVENTS else NOTHING
            delivery.kind, delivery.text = 'answered', said if text in ('[]', '{}', '') else headline(text)

    def _note_incidents(self, delivery: Delivery, named: Sequence[str]) -> None:
        """Set the incidents of a delivery: those that its response names or, if none, those that it created."""
        delivery.own = self._origins.own(delivery.number)
        is_answered = delivery.status is not None and delivery.status < 400
        delivery.incidents = ([*named] if is_answered else []) or delivery.own
        known = [self._known[number] for number in delivery.incidents if number in self._known]
        if not known:
            if delivery.acts and delivery.kind == 'answered':
                delivery.text = f"{delivery.event}{f' (+{more} more)' if (more := len(delivery.acts) - 1) else ''}"
            return
        if is_answered:
            delivery.kind = 'created' if delivery.own else 'repeat'
        if is_answered or delivery.kind == 'gone':
            delivery.text, delivery.triage = headline_of(known), triage(known)

    # Reading.

    def summaries(self, before: int = MOST_NUMBER, limit: int = -1) -> list[dict[str, Any]]:
        """Return a masked summary of each delivery whose number is below another, newest first, at most `limit` of them."""
        kept = self._query('SELECT summary FROM delivery WHERE number < ? ORDER BY number DESC LIMIT ?', [before, limit])
        waiting = [delivery.summary() for delivery in self._waiting.values() if delivery.number < before]
        shown, turns = [], Turns()
        for (summary,) in kept:
            turns.give()  # thousands take a while, in which other requests must not wait
            shown.append(self._shown(json.loads(summary)))
        found = sorted(shown + [self._shown(summary) for summary in waiting], key=lambda each: -int(each['number']))
        return found[:limit] if limit >= 0 else found

    def get(self, number: int) -> Delivery | None:
        """Return one delivery, unmasked, or None if it is not kept."""
        if number in self._waiting:
            return self._waiting[number]
        rows = self._query('SELECT summary, headers, body, answer_headers, answer FROM delivery WHERE number = ?', [number])
        for summary, headers, body, response_headers, response in rows:
            values = {OLD_NAMES.get(name, name): value for name, value in json.loads(summary).items()}
            return Delivery(**values,
                            headers=[(name, value) for name, value in json.loads(headers)],
                            response_headers=[(name, value) for name, value in json.loads(response_headers)],
                            body=bytearray(body), response=bytearray(response))
        return None

    def all(self) -> Iterator[Delivery]:
        """Yield every delivery, newest first, unmasked."""
        for number in sorted({*self._sizes, *self._waiting}, reverse=True):
            if delivery := self.get(number):
                yield delivery

    def search(self, query: str, to_the_end: bool = False) -> list[int]:
        """Return the numbers of the deliveries that have every word of a query in what the page shows of them.

        Of a long body that is the beginning, unless the search is `to_the_end`.
        """
        words, turns = query.lower().split(), Turns()
        masks = self._masks.pausing(turns.give)  # long texts take a while, in which other requests must not wait
        texts = {number: shown(each, masks)[0] for number, each in [*self._waiting.items()]}
        if to_the_end:
            texts |= {number: shown(each, masks, KEPT_BODY_BYTES)[0] for number in self.cut() if (each := self.get(number))}
        found = {number for number, text in texts.items() if all(word in text.lower() for word in words)}
        return sorted(found.union(self.index.search(query)), reverse=True)

    def cut(self) -> list[int]:
        """Return the numbers of the deliveries of whose bodies only the beginning is in the index."""
        return sorted(self._cut & self._sizes.keys())

    def _texts(self) -> Iterator[tuple[int, str]]:
        return ((each.number, self._text(each)) for each in self.all() if each.kind != 'waiting')

    def _text(self, delivery: Delivery) -> str:
        """Return the text of a delivery for the index, and note whether it lacks the end of the body."""
        text, is_cut = shown(delivery, self._masks)
        (self._cut.add if is_cut else self._cut.discard)(delivery.number)
        return text

    def _index_again(self, number: int) -> None:
        if delivery := self.get(number):
            self.index.add(number, self._text(delivery))

    def clear(self) -> None:
        self._sizes.clear()
        self._alike.clear()
        self.index.clear()
        self._bytes = self.removed = 0
        self._query('DELETE FROM delivery')
        self._query('DELETE FROM line')
        self._query(f'PRAGMA user_version = {self._last}')  # so that no number is given twice
        self._query('PRAGMA wal_checkpoint(TRUNCATE)')
        self._events.publish('cleared', {})

    def _shown(self, summary: dict[str, Any]) -> dict[str, Any]:
        masked = {**summary, 'target': self._masks.target(summary['target'])}
        shown = {name: self._masks.text(value) if isinstance(value, str) else value for name, value in masked.items()}
        return {**shown, 'chain': chain(shown)}

    def close(self) -> None:
        self.print_late(0)
        self.index.clear()
        with self._lock:
            self._database.close()


def headline_of(incidents: Sequence[dict[str, Any]]) -> str:
    """Return the name of the gravest of some incidents, and how many others there are."""
    more = len(incidents) - 1
    return f"{gravest(incidents)['name']}{f' (+{more} more)' if more else ''}"
