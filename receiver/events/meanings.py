"""What the keys of an event mean by the general rule, and in which order it asks for them."""
import re
from functools import lru_cache
from itertools import islice
from operator import itemgetter
from typing import Any

from receiver.events.texts import JSON_TEXT

#
# Which keys have which meaning, the best key first. Keys are compared in lower case and without separators, so that `alertname`
# covers `alert_name` and `alertName`. In an object under a key, `name` has the meaning of both together: that in a `rule` means
# `rulename`.
WORDS = {meaning: words.split() for meaning, words in {
    # What happened is looked for under these four meanings, in this order.
    'title': '''title alerttitle eventtitle incidenttitle issuetitle findingtitle problemtitle messagetitle formtitle formname
        headline''',
    'rule': '''alertname alertdisplayname alertrule alarmname incidentname detectionname threatname malwarename malwarefamily
        signature attackname rulename attacktype threattype policyname modelname monitorname checkname searchname conditionname
        pluginname detectiontype yararule alertthreatmodelname rule vulnerabilityname alertsignature''',
    'summary': 'summary subject shortdescription displaymessage primarydescription logdesc',
    'text': '''message msg text description eventmessage alertmessage errormessage alertdescription eventdescription reason cause
        displayname info eventinfo operationdetail alertdetails details content output serviceoutput formatted memo shortmessage
        log fallback pretext markdown intro notification threat attack''',
    # Of these, only texts of several words count: see NEEDS.
    'activity': 'activity auditlogevent',
    # The kind of event: the name begins with it, unless the text alone says what happened.
    'kind': '''eventname eventtype eventtypename eventsimplename webhookevent alerttype notificationtype operationname
        methodname actionname activitydisplayname operation action actiontype aspecttype event triggerevent trigger hook topic
        scope type kind category eventcategory webhookcode webhooktype eventid recordtype changetype status state alert error
        result class eventkey''',
    # These name the kind surely, in any object; under keys that are not in 'inside', only those of 'kind elsewhere' do, too.
    'event': 'eventname eventtype webhookevent',
    'kind elsewhere': 'event topic action status state statename checkstatename result',
    # What the event happened to: if no text says what happened, the name ends with it.
    'object': '''host hostname computername device resourcename resource repository repo project package cve image targetpath
        entity objectname filename cshost repositoryid table''',
    'person': 'user username useremail email actor targetuser principalemail operator recipient owner emailaddress agent to from',
    # What says which object an object is: `host` may be a text, or an object with one of these.
    'name': 'name fullname hostname systemname email login username displayname',
    # A person without one of these has the name that both of these give: `Alice Ng`.
    'first name': 'firstname givenname',
    'last name': 'lastname familyname surname',
    # The name ends with the first of these, unless the rest of it contains that: `Disk full (db-1)`.
    'thing': 'host dvchost service check monitor database package',
    # Or the name of an object under one of these, and a key such as `monitor_name` or `deviceLabel` has its name.
    'named thing': '''host service monitor canary device entity resource database package application app job project node cluster
        component machine computer endpoint asset''',
    # Who did it, or from where, if nothing better says whom it concerns.
    'by': 'dhost actorname admin srcip sourceip src idorigh offensesource clientip ip ipaddress site',
    'whole': 'name',
    'domain': 'domain',
    'who': 'performedby initiatedby changedby subjectname',
    'id': 'key id',
    'address': 'url link location',
    # `utctime` is first, because Windows events have a local `EventTime` beside it.
    'time': '''utctime occurred occurredat eventtime eventtimestamp timestamp time detectedat completedat finishedat createdat
        created creationtime published startsat fireddatetime firedat date eventts ts timegenerated createddatetime createtime
        startedat triggertime startat starttime activitydatetime messagetime effectiveat rt firstseentime createdtime activitytime
        generateddatetime updatedon sentat receivedat alerttime unixtime createdattimestamp''',
    # Before these, if it has a zone: some senders write their local time under such a key.
    'time with a zone': 'datetime eventdate finished',
    # If no key above holds a time, these count: what reports a change occurred when it changed.
    'time of change': '''changedat updatedat modifiedat modifieddate datemodified modifiedon updatetime lastupdated triggeredat
        emittedat createdon createddate datecreated dateadded received senttime''',
    # Before all others, if a word of an end is beside it.
    'time of end': 'resolvedat closedat recoveredat clearedat endedat endsat endtime',
    # In any other object, only these count: a rule or a customer may have been created and changed years ago.
    'time elsewhere': 'timestamp time eventtime receivedat',
    # The objects under these keys, or the first one in a list, have the data of the event.
    'inside': '''alert incident event data issue finding detection threat violation problem ticket case rule payload detail
        details object resource properties attributes essentials context result protopayload alerts events findings incidents
        value records messages message msg body error item action eventdata logevent formresponse params violations alertinfo''',
    # Only a word counts as a severity: the numbers of different senders mean different things. Keys that end in `severity`
    # count, too.
    'severity': 'severity severitylabel severityname severitylevel criticality',
    # Without a severity, these count, except beside a key of 'log or mail': in a record of a log, in a mail and in an object of
    # Kubernetes, they say how urgent a message is.
    'priority': 'priority urgency',
    'log or mail': '''facility program ident syslogidentifier appname pid levelname from to cc recipient recipients messageid
        apiversion kubernetes namespace pod auditid''',
    # Beside an 'event id', those of 'windows log' belong to a record of a Windows event log: its severity is a level of the log.
    'event id': 'eventid',
    'windows log': 'channel sourcename providername',
    # How an event may say that a problem has ended: by a word of ENDED here, or under a key that ends in `state`.
    'end': 'status action type',
    # What a kind such as `status_changed` leaves open.
    'status': 'currentstatus newstatus status state',
}.items()}
# Keys that end in one of these words, such as `ticket_subject` and `build_result`, say it less surely.
LAST_WORDS = {meaning: words.split() for meaning, words in {
    'last word: text': 'subject title message description summary desc output textbody entry reason',
    'rule': 'issuename',
    'last word: time': 'timestamp utc edat epoch',
    'last word: kind': 'alerttype status result state event ruleaction operationtype incidenttype',
    'last word: type': 'type',
    'last word: object': 'name email emailaddress',
    'last word: who': 'username userlogin user employee recipientemail leademail requesteremail',
    'last word: id': 'number id',
}.items()}
# In the objects under these keys, the objects with the data of the event are one level deeper.
DEEPER = {'data', 'payload', 'detail', 'event', 'msg', 'body', 'properties', 'protopayload', 'formresponse', 'params'}
# The objects under these keys say with the event itself when it occurred, how severe it is, and whether it has ended.
TIME_INSIDE = {'alert', 'event', 'data', 'incident', 'issue', 'detail', 'finding', 'metadata', 'action', 'messages',
               'attachments', 'eventdata', 'header'}
SEVERITY_INSIDE = {*TIME_INSIDE, 'detection', 'threat', 'violation', 'problem', 'vulnerability', 'ticket', 'details', 'extra',
                   'labels', 'commonlabels', 'tags', 'attributes', 'properties'}
END_INSIDE = {'alert', 'incident', 'issue', 'problem', 'ticket'}


# A key beside one of these does not say what happened: a commit's message, somebody's position and name.
NOT_BESIDE = {'message': {'commit', 'commitid', 'committer'}, 'title': {'firstname', 'lastname'},
              'displayname': {'email', 'useremail', 'username', 'userprincipalname'}}

NO_SEPARATORS = str.maketrans('', '', '-_.:@ $#[]')
MAX_KEY_CHARACTERS = 40  # longer keys have no meaning; this also bounds the cache
MAX_KEYS_OF_A_MEANING = 40  # in one object
# The start of a key that names neither what happened nor to what.
OF_OWNER = re.compile(r'organization|account|app(name|id)?\Z|webhook|commit|actor|initiator')
NAME = re.compile('(.+?)(friendly|display|full)?(name|label)')  # the word of a key such as `monitor_friendly_name`
# A key with one of these words speaks of another time, or of a limit.
EARLIER = re.compile(
    r'previous|prior(?!it)|former|first(?!name)|last|old|publish|checked|creationtimestamp|\A(min|max|default).*severity')
SEVERITY_PREFIX = re.compile(r'\A[A-Z_]*?(SEVERITY|CRITICALITY)_(LEVEL_)?')
Places = list[tuple[int, str]]  # the rank of a key in each of its meanings, 0 for the best


def places_of(words_by_meaning: dict[str, list[str]]) -> dict[str, Places]:
    """Return the places of each word: {'title': [(0, 'title')], ...}."""
    places: dict[str, Places] = {}
    for meaning, words in words_by_meaning.items():
        for rank, word in enumerate(words):
            places.setdefault(word, []).append((rank, meaning))
    return places


PLACES = places_of(WORDS)


def word_of(key: str) -> str:
    """Return a key in the form in which it is compared: `Alert-Name` -> `alertname`; '' for a long one."""
    return key.lower().translate(NO_SEPARATORS) if len(key) <= MAX_KEY_CHARACTERS else ''


@lru_cache(maxsize=2048)
def places_of_word(word: str) -> Places:
    """Return the places of the word of a key: those in WORDS, and those that its end gives it."""
    places = [*PLACES.get(word, ())]
    is_earlier = EARLIER.search(word) is not None  # then its end says nothing
    if not is_earlier:  # a key such as `door_state` comes after all words of WORDS
        places += [(len(WORDS['severity']), meaning) for meaning in ('severity', 'state') if word.endswith(meaning)]
    if OF_OWNER.match(word):
        return places
    # `monitorname` is a key of a 'thing', with the rank that `monitor` has among those of a 'named thing'.
    if name := NAME.fullmatch(word):
        places += [(rank, 'thing') for rank, meaning in PLACES.get(name[1], ()) if meaning == 'named thing']
    if word not in PLACES and not is_earlier:
        places += [(rank, meaning) for meaning, last_words in LAST_WORDS.items()
                   for rank, last in enumerate(last_words) if word.endswith(last)]
    return places


@lru_cache(maxsize=400)  # events of one kind have the same keys
def keys_by_meaning(keys: tuple[str, ...], parent: str) -> dict[str, list[str]]:
    """Return an object's keys by what they mean, the best first: {'title': ['Alert_Title', 'title'], ...}.

    `parent` is the word of the key that the object is under, or ''.
    """
    words = {key: word_of(key) for key in keys}
    places: list[tuple[int, str, str]] = []
    for key, word in words.items():
        if NOT_BESIDE.get(word, set()) & {*words.values()}:
            continue
        # The `name` in a `rule` also means `rulename`.
        of_parent = PLACES.get(f'{parent}name', []) if parent and word == 'name' else []
        places += [(rank, meaning, key) for rank, meaning in places_of_word(word) + of_parent]
    found: dict[str, list[str]] = {}
    for _, meaning, key in sorted(places, key=itemgetter(0)):
        found.setdefault(meaning, []).append(key)
    found['sentence'] = found.get('last word: text', [])  # the same keys, of which only texts of several words count: see NEEDS
    return {meaning: list(dict.fromkeys(keys))[:MAX_KEYS_OF_A_MEANING] for meaning, keys in found.items() if keys}


MAX_SCOPE_KEYS = 200
MAX_SCOPES = 60  # of an event
MAX_TEXT_WITH_JSON = 64 * 1024


class Scope:
    """An object in an event, and its keys by what they mean. `key` is the one that it is under, or ''."""

    def __init__(self, members: dict[str, Any], key: str = '', *, is_item: bool = False, is_text: bool = False,
                 has_data: bool = False):
        self.members = members
        self.word = word_of(key) if key else ''
        self.is_item = is_item  # the first item of a list, or inside one: it does not speak for the others
        self.is_text = is_text  # JSON in a text, which may be what an attacker has typed
        self.has_data = has_data  # the data of the event, by its key
        self.inner: list[Scope] | None = None  # the scopes directly inside it, once they are known
        keys = tuple(islice(members, MAX_SCOPE_KEYS))
        if max(map(len, keys), default=0) > MAX_KEY_CHARACTERS:
            keys = tuple(key for key in keys if len(key) <= MAX_KEY_CHARACTERS)
        self.by_meaning = keys_by_meaning(keys, self.word)  # its keys

    def values_of(self, meaning: str) -> list[Any]:
        """Return the values of the keys that have this meaning, the best first."""
        return [self.members.get(key) for key in self.by_meaning.get(meaning, ())]


# Texts that say nothing are no names: not even the name that a row gives is used if it is one of the first kind.
# Within the brackets of a pattern: three dots (also as one character), a line of dashes and the like.
PUNCTUATION = r'\s.,:;/\#+_\u2026\u2025\u00b7\u2022\u2013\u2014=*~|-'
# The patterns that are joined below end with a line break: a comment would otherwise swallow the next one. A number says nothing,
# but an IP address or a phone number does.
GENERIC_TEXT = re.compile(rf"""
    (?!\S*\s)(?:actions?|audit|enabled|logs?|alerts?|events?|incidents?|messages?|notifications?|webhooks?|test|default|unknown|
    none|null|nil|undefined|n/?a|string|object|title|name|summary|subject|description|text|true|false|yes|no|ok|success|info|
    information|informational|warning|error|critical|high|medium|low)|  # one word
    (?!((\d{{1,3}}\.){{3}}\d{{1,3}}|\+\d{{8,15}})\Z)[\de{PUNCTUATION}]*  # numbers (1.5e+3), dates, ''
    """, re.IGNORECASE | re.VERBOSE | re.ASCII)
# A GUID, which Microsoft also writes in braces, or a hash.
IDENTIFIER = re.compile(r'\{?[0-9a-f-]{16,}}?', re.IGNORECASE)
# Texts that the general rule does not use as a name.
UNUSABLE_TEXT = re.compile('|'.join((GENERIC_TEXT.pattern, r"""
    arn:\S+ | [a-z][a-z\d+.-]*://\S* |  # the ARN of an AWS resource, a URL
    <[?/\w][^>]*>.*> |  # XML or HTML
    (\{\s*["}]|\[\s*[\[{"\]]).*  # JSON: `{x}` and `[Wed Oct 11` are ordinary text
    """)), GENERIC_TEXT.flags)
# The same for texts that are all ASCII. In Chinese, three characters can say what happened. A "word" of 40 characters or more is
# a key, or an encoded text; but `Microsoft.Resources.ResourceWriteSuccess` is several words. Nothing matches two alternatives of
# the pattern for these: with two ways to read each part, a text of many would take exponential time.
UNUSABLE_ASCII = re.compile('|'.join((UNUSABLE_TEXT.pattern, IDENTIFIER.pattern, r"""
    .{0,3} |
    (?=\S{40})(?!(([a-z]{1,30}\d{0,2}|k8s|v\d(\d?[a-z]|\d\d)[a-z\d]{0,5}|\d{1,4})([\\./_:-]+|\Z))+\Z)\S+
    """)), GENERIC_TEXT.flags)
# An object may have a short name, or a long one: `db1`, `bob`, `fw1`, a path. But the sender itself is none.
NO_OBJECT = r'.? | system | localhost | 127\.0\.0\.1'
UNUSABLE_OBJECT = re.compile('|'.join((UNUSABLE_TEXT.pattern, IDENTIFIER.pattern, NO_OBJECT)), GENERIC_TEXT.flags)
NO_NAME = re.compile(rf'{IDENTIFIER.pattern}|[{PUNCTUATION}]*|n/?a|({JSON_TEXT.pattern}).*', re.IGNORECASE)
# Kinds that say more than a text alone: `order.created`, `TASK_CREATED`, `push_failed`; not those of an alert, which say only
# that there is one, and not the constants of a log, such as `AUDIT_SUCCESS`.
# The form is looked for first: to look for the words in each kind takes longer.
TELLING_KIND = re.compile(
    r'(?i:\S[^\s./:]*[./:]\S+|\S+ed)|'  # up to the first of these marks: to try each would take quadratic time
    r'(?=([a-z]+(_[a-z]+)+|[A-Za-z][a-z]+([A-Z][a-z]+)+)\Z)(?!\S*(?i:creat|new|alert|open|trigger|event|incident|issue))\S+')
# Words that say what became of something, in lower case; those of an outcome count only if no text says more.
CHANGE = re.compile(
    '(un|re)?(resolv|clos|acknowledg|delet|assign|block)[a-z]*|down|offline|online|unreachable|'
    '(fail|recover|bounc|complain|cancel|remov|escalat|clear|reject|suspend|revok|expir|quarantin|degrad)[a-z]*')
FAILURE = re.compile(r'(fail|abort|crash)\w*|errored')
OUTCOME = re.compile(rf'{CHANGE.pattern}|{FAILURE.pattern}|(succe|pass)\w*|error|ok')
TOPIC_HEADER = re.compile('x-([^-]+-)*(topic|event)(-(type|name|key|code))?|hook-name')  # with the kind: `x-acme-event`
PATH = re.compile(r'/|\\|[A-Za-z]:\\')
WEB_ADDRESS = re.compile(r'https?://(?:[^/?#]*@)?((?:[^/?#@:\[\]]+|\[[\da-fA-F:.]+])(?::\d*)?(?:/[^?#@]*)?)(?:[?#][^@]*)?')
# `A user was created` says no more than `user.created`.
SAY_NOTHING = {'an', 'the', 'of', 'is', 'are', 'was', 'were', 'has', 'have', 'had', 'been', 'being', 'event'}
# How an event says that a problem has ended. Some words do so only under a key that ends in `state`: a `"status": "ok"` is often
# that of a request.
ENDED = re.compile(r'((auto|automatically|manually)[ _-]?)?(resolved|recovered|closed|cleared)|[a-z]+_to_(ok|normal|up)',
                   re.IGNORECASE)
STATE_ENDED = re.compile(rf'{ENDED.pattern}|ok|up|normal', re.IGNORECASE)


#
# The objects of an event lie in rings around it. The nearer one is, the more it says about the event:
#
#   OWN      the event itself; for {"alert": {...}}, where it has no other member, the object inside
#   DATA     the objects under the keys of 'inside', which have the data of the event
#   OTHERS   other objects in the event, or in an object under one of DEEPER
#   DEEP     what is inside these, down to the fourth level
#
# The tables say in which rings something is looked for, under keys of which meaning, the best first. Beside each line is an
# event that needs it.
OWN, DATA, OTHERS, DEEP = range(4)
Table = tuple[tuple[tuple[int, ...], tuple[str, ...]], ...]

TEXTS: Table = (((OWN, DATA), ('title', 'rule', 'summary', 'text', 'activity')),)  # what happened
SUBJECTS: Table = (  # what an event of a kind concerns, if no text says what happened
    ((OWN,), ('sentence', 'whole')),              # {"event": "rated", "film_title": "Blue mug", "book": {"title": "Red mug"}}
    ((OTHERS,), ('title',)),                      # {"event": "rated", "movie": {"title": "Marley"}, "host": "nas-1"}
    ((OWN, DATA), ('object',)),                   # {"event": "login", "device": {"name": "Desk 7"}, "user": "alice"}
    ((DATA,), ('name',)),                         # {"event": "moved", "item": {"name": "Blue mug"}, "user": "alice"}
    ((OWN, DATA), ('person', 'domain', 'last word: object')),  # {"event": "login", "user": "alice", "a": {"name": "Blue mug"}}
    ((OTHERS,), ('summary', 'text', 'rule', 'name', 'object', 'last word: object')),  # {"event": "paid", "a": {"text": "Mugs"}}
    ((OWN, DATA), ('who', 'last word: who', 'thing', 'last word: text')),  # {"event": "login", "service": "mail"}
    ((DEEP,), ('title', 'summary', 'last word: text', 'name', 'object', 'text')),  # {"event":"pull","a":{"b":{"repo":"mugs"}}}
    ((OWN, DATA, OTHERS, DEEP), ('person', 'last word: object', 'who', 'first name', 'by')),  # {"event": "login", "src": "fw1"}
    ((DATA, OTHERS), ('id',)),                    # {"event": "paid", "order": {"id": "ord-17"}}
)
KINDS: Table = (  # the kind of event, if neither a header nor the event itself names one
    ((DATA, OTHERS), ('event',)),                 # {"meta": {"event_name": "order_created"}, "data": {"type": "orders"}}
    ((DATA,), ('kind',)),                         # {"issue": {"operation": "moved"}, "lock": {"action": "left"}}
    ((OWN, DATA, OTHERS), ('kind elsewhere', 'last word: kind', 'last word: type')),  # {"lock": {"event": "forced"}, "size": 7}
)
OTHER_KINDS: Table = (((OWN, DATA), ('kind', 'last word: type')),)  # {"event": "create", "event_category": "note"}
THINGS: Table = (  # the host or the like that a text is about
    ((OWN, DATA, OTHERS), ('thing', 'named thing')),   # {"message": "The disk is full", "disk": {"host": "db-1"}}
    ((OWN, DATA, OTHERS), ('person', 'who', 'last word: who')),  # {"message": "A mail was read", "email": "ann@example.com"}
    ((OWN, DATA), ('by', 'object', 'domain')),    # {"message": "A port scan", "src_ip": "192.0.2.7", "project": "shop"}
)
