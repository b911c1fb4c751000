"""From payloads to incidents, and what the URL leaves out."""
import time
from functools import partial
from typing import Any

from msgspec import Raw, ValidationError
from msgspec.structs import asdict

from receiver.events.event import NO_ROW, ThirdPartyEvent
from receiver.events.tree import Budget
from receiver.events.url_words import NO_WORDS, Findings, UrlWords
from receiver.limits import MAX_EVENTS
from receiver.payload.envelopes import ENVELOPE, RAW_KEYS, envelope_incident
from receiver.payload.items import items_at
from receiver.payload.origins import origins_of
from receiver.payload.reading import IncidentDefaults, too_deep, too_many_events, which_item
from receiver.payload.third_party import third_party_incident
from receiver.problems import BadRequest
from receiver.proof.secrets import contains_token
from receiver.sharing import let_others_run_if_due


def to_incidents(payloads: list[bytes], defaults: IncidentDefaults) -> 'Conversion':
    """Return what becomes of payloads. Raise TooLarge above MAX_EVENTS, and BadRequest for an unusable payload."""
    conversion = Conversion(defaults)
    for index, source in enumerate(payloads):
        try:
            conversion.add_payload(source)
        except BadRequest as error:
            raise BadRequest(which_item(index, payloads) + error.detail, error.found) from None
        except RecursionError:  # the payload is valid JSON, but too deep for the decoders that look into it
            raise too_deep() from None
        if len(conversion.incidents) + sum(conversion.skipped.values()) > MAX_EVENTS:
            raise too_many_events()
    return conversion


class Conversion:
    """The incidents that payloads have become so far, and what the log and the history say of the events beside them."""

    def __init__(self, defaults: IncidentDefaults):
        self.defaults = defaults
        self.incidents: list[dict[str, Any]] = []
        self.skipped: dict[str, int] = {}  # how many events the URL left out, by the reason
        self.product = ''  # the sender of the last payload, if it has a row
        self.contains_token = partial(contains_token, defaults.settings)  # any token: no text of an incident may contain one
        # The URL's words find nothing that contains the request's own token. Other tokens are not looked for: the sender sees
        # which words find nothing, and could guess the token of another sender in this way (see reveals_token).
        contains_own_token = partial(contains_token, defaults.settings, token=defaults.token)
        self.findings = Findings(defaults.words, defaults.headers_for_words, contains_own_token)
        self.budget = Budget()  # of all events of the request together

    def add_payload(self, source: bytes) -> None:
        """Add the incident of an envelope, or those of a third-party payload. Raise Rejected."""
        let_others_run_if_due()
        fields, unknown_key = None, ''
        try:
            fields = asdict(ENVELOPE.decode(source))
        except ValidationError as error:  # it has a key that no envelope has
            unknown_key = str(error)[:300].removeprefix('Object contains unknown field `').rstrip('`')
        if fields is not None and self.is_envelope(fields):
            self.incidents.append(envelope_incident(fields, source, self.defaults))
        else:
            self.add_third_party_payload(source, unknown_key)

    def is_envelope(self, fields: dict[str, Raw]) -> bool:
        """Return whether a payload without any other keys than those of an envelope is an envelope.

        `fields` maps each key of an envelope to the JSON of its value, empty if it was not sent.
        """
        has_raw_json = any(fields[key] for key in RAW_KEYS)
        if fields['severity'] and not has_raw_json:  # third parties send a severity beside a name, too
            return False
        if any(fields.values()):
            return True
        # An empty object is an envelope, unless the headers identify a sender such as Shopify: then they are the whole event.
        return self.event(b'{}', NO_WORDS).row is NO_ROW

    def add_third_party_payload(self, source: bytes, unknown_key: str) -> None:
        """Add the incidents of the items at the URL's ?each= path, or if there are none, that of the whole third-party payload.

        Raise TooLarge, and BadRequest if the payload has `raw_json`, which only an envelope may have. The error then quotes
        `unknown_key`, the key because of which it is not an envelope.
        """
        words, items = self.defaults.words, self.items_of(source)
        if words.each and not items:  # the payload becomes one incident: words that speak of an item do not apply to it
            words = UrlWords(default_severity=words.default_severity)
        whole = self.event(source, words)  # also if its items become the incidents: its sender and its keys are looked at
        self.product = whole.row.sender
        if raw_keys := [key for key in RAW_KEYS if key in whole.members]:
            raise BadRequest(f"Only 'name', 'type', 'occurred' and 'severity' can be sent beside '{raw_keys[0]}': move other "
                             "keys into it, or omit it, and the whole object becomes the incident's details.", unknown_key)
        for item in items:
            self.add_event(item, self.event(item, words))
        if not items:
            self.add_event(source, whole)

    def items_of(self, source: bytes) -> list[bytes]:
        """Return the items at the URL's ?each= path; [] without ?each=, without a list there, or if the list is empty."""
        if not self.defaults.words.each:
            return []
        items = items_at(source, self.defaults.words.each)
        self.findings.record('each', items is not None)  # an empty list is found, too
        return items or []

    def event(self, source: bytes, words: UrlWords) -> ThirdPartyEvent:
        """Return the third-party event whose JSON is `source`, read by these words of the URL."""
        return ThirdPartyEvent(source, self.defaults.headers, self.contains_token, self.defaults.sender_rows, self.findings,
                               words, self.budget)

    def origins(self, source: bytes, event: ThirdPartyEvent) -> dict[str, Any]:
        """Return where the values of a third-party event's incident come from, for the local XSOAR; {} for any other."""
        if not self.defaults.settings.shows_origins:
            return {}
        # With another Conversion: what is read for the origins alone must neither count as found by the words of the URL, nor use
        # up the budget of the request.
        return origins_of(Conversion(self.defaults).event(source, event.words), time.time())

    def add_event(self, source: bytes, event: ThirdPartyEvent) -> None:
        """Add the incident of a third-party event, unless the URL leaves the event out."""
        reason = event.reason_to_skip()
        if reason:
            self.skipped[reason] = self.skipped.get(reason, 0) + 1
        else:
            self.incidents.append(third_party_incident(source, event, self.defaults) | self.origins(source, event))
        if event.words is not NO_WORDS:
            self.findings.look_up(event, is_left_out=bool(reason))
