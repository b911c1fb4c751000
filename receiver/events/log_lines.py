"""Log lines: what precedes their text, and the pairs, CEF or LEEF that they consist of."""
import re
from collections.abc import Callable, Iterable
from typing import Any

from receiver.events.tree import CutText

# What may precede the text in a line of a body.
# `<134>1 2026-11-24T10:00:00Z db-1 sshd 7 ID47 - `; without a text behind them, the fields after the host are the text
RFC_5424 = (r'<\d{1,3}>\d (-|(?P<sent>\d{4}-\d\S+)) \S+ (-|(?P<program>\S+)) \S+ \S+ (-|'
            r'(\[[^]@="]*[@=](?>([^]"]|"(?>([^"\\]|\\.)*)")*)]){1,8}) (?=\S)')
# `<134>`, `<134>1 2026-11-24T10:00:00Z db-1 `, or by Cisco `<189>29: `
PRIORITY = r'<\d{1,3}> ?(\d+: (?=[*.]?[A-Z])|(\d )?((?P<stamped>\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-][\d:]+)) (\S+ )?)?)'
# `Nov 24 10:00:00 db-1 `, with the name of a program if JSON follows it, or by Cisco `*Nov 24 10:00:00.250 UTC: `
RFC_3164 = (r'[*.]?(Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) [ \d]?\d (\d{4} )?\d\d:\d\d:\d\d'
            r'((\.\d+)?( [A-Z]{3,4})? ?: | ([^\s|:[]+ ([^\s{]+ (?=\{"))?)?)')
# `2026-11-24T10:00:00Z `, or `[2026/11/24 10:00:00,250 +0100] `: without the brackets, a number behind a blank is no offset
LOG_TIME = (r'(?P<bracket>\[)?(?P<logged>\d{4}[-/:]\d\d[-/:]\d\d[T -]\d\d:\d\d:\d\d([.,]\d+)?'
            r'(Z|(?(bracket) ?)[+-]\d\d:?\d\d| (UTC|GMT|CES?T|[PMCE][SD]T)(?! ?[+-]\d\d:?\d\d))?)'  # no time has two zones
            r'(?(bracket)])(([\s,;|]|:(?!\d)|-(?=\s)){1,10}|\Z)')
# It matches any text, at least its empty start: hence Any, in place of a match or None. The next one does, too.
PREAMBLE: Any = re.compile(rf'({RFC_5424}|({PRIORITY})?({RFC_3164})?)({LOG_TIME})?(<\?xml[^>]*>)?', re.ASCII)
# `192.0.2.7 - ann [24/Nov/2026:10:00:00 +0000] "GET /x HTTP/1.1" 500 `, the start of a line in the Common Log Format
ACCESS = re.compile(r'(?a)\S+ \S+ \S+ \[\d\d/[A-Z][a-z]{2}/\d{4}:[^]]{1,20}] "([A-Z]{1,20} [^\s"]+) HTTP/[\d.]{1,3}" (\d{3}) ')
# The level and what is in brackets, such as the thread, before the text of a log line: `WARN [main] `, or three brackets
# to ten: with any number of them, what follows would be searched from each
BRACKETS: Any = re.compile(r'(((TRACE|DEBUG|INFO|NOTICE|WARN(ING)?|ERROR|CRITICAL|FATAL|SEVERE) +(\[[^],]{1,100}]( -)? *){1,10}|'
                           r'(\[[^],]{1,100}] *){3,10})(?=\S+ \S+ \S))?')
# Three words in a row, such as `logged in from`: a sentence
WORDS_OF_SENTENCE = re.compile(r"\b[A-Za-z][a-z']{1,20}( [a-z']{2,20}){2}")
# In a log line, the key of a pair; or a quoted text, in which nothing is a pair: it may be what somebody else typed. A format
# writes a quote in it as `\"` or as `""`. A single quote quotes only a whole value: `O'Brien` has one, and some formats know
# none. In CEF, a quote is like any other character.
PAIR = r'(?:^|(?<=[\s,;|\[]))(?P<key>[A-Za-z_][\w.-]{0,39})='
QUOTED = PAIR + r'|(?:^|(?<=[\s,;|\[(=:]))"(?>(?:%s)*)"(?=[\s,;|\])]|\Z)'
SINGLE = r"|(?<==)'(?>(?:[^'\\]|\\.)*)'(?=[\s,;|\])]|\Z)"
BY_BACKSLASH, DOUBLED = QUOTED % r'[^"\\]|\\.', QUOTED % r'[^"]|""'
READINGS = [re.compile(each, re.DOTALL) for each in (BY_BACKSLASH + SINGLE, BY_BACKSLASH, DOUBLED + SINGLE, DOUBLED)]
PAIRS_OF_CEF = re.compile(PAIR)
SEPARATOR: Any = re.compile(r'[\s,;|]*\Z')
# What may precede the first pair: nothing that says something, or the header of CEF, in whose fields a `|` is escaped. Only
# the name of a program, of up to four words, may precede that header: behind a sentence, somebody else may have typed it.
NO_HEADER = re.compile(r'\W*')
CEF_FIELD = r'(?>(?:[^|\\]|\\.)*)'
CEF_HEADER = re.compile(
    r'(?:\w[\w.-]* ){0,3}(?:[\w.-]+(?:\[\d+\])?: ?)?CEF: ?\d\|'
    rf'(?:{CEF_FIELD}\|){{4}}(?P<signature>{CEF_FIELD})\|(?P<severity>{CEF_FIELD})\|\s*')
# The header of LEEF, whose version 2 names what separates the pairs, as a character or its number such as `x5E`
LEEF_HEADER = re.compile(
    r'LEEF:[\d.]{1,5}\|(?:[^|]*\|){3}(?P<signature>[^|]*)\|(?:(?:0?x(?P<code>[0-9A-Fa-f]{2,4})|(?P<mark>[^|]))\|)?')
# In CEF's header and LEEF's `sev`, as they define it. Lower numbers tell nothing: in PAN-OS, 1 to 5 end with the worst.
CEF_SEVERITIES = {'7': 'high', '8': 'high', '9': 'critical', '10': 'critical', 'very-high': 'critical'}


def members_of_log(line: str, clean: Callable[[Any], str]) -> dict[str, str] | None:
    """Return the members of a log line of at least three pairs, or None for any other; of CEF, also those of its header.

    act=block user="Ann Ng" dst=192.0.2.7                  -> {'act': 'block', 'user': 'Ann Ng', 'dst': '192.0.2.7'}
    CEF:0|Acme|Gate|1.0|17|Worm stopped|High|src=10.0.0.1  -> {'signature': 'Worm stopped', 'severity': 'High', 'src': '10.0.0.1'}
    """
    header = CEF_HEADER.match(line)
    start = header.end() if header else 0
    valid = [PAIRS_OF_CEF] if header else [reading for reading in READINGS if '"' not in reading.sub('', line)]
    found = [[match for match in reading.finditer(line, start) if match['key']] for reading in valid or READINGS]
    keys, starts = found[0], [match.start() for match in found[0]]
    # Two keys with their values are a text that says all by itself: `usage=97% host=db-1`.
    if not (header and header['signature']) and (len(keys) < 3 or not (header or begins_with_pairs(line, starts[0]))):
        return None
    pairs = [(match['key'], without_quotes(clean(line[match.end():end]).strip(' ,;|]')))
             for match, end in zip(keys, [*starts, len(line)][1:], strict=True)]
    # In doubt are values if the quotes pair in no way or in several, or if what separates pairs differs, as between two events.
    separators = {re.sub(' +', ' ', SEPARATOR.search(line[max(each - 3, 0):each])[0]) for each in starts[1:]}
    if not valid or len(separators) > 1 or len({tuple(match.start() for match in each) for each in found}) > 1:
        pairs = [(key, CutText(value)) for key, value in pairs]
    severity = header['severity'].strip() if header and '\n' not in line else CutText()
    return members_of_pairs(pairs) | ({} if not header else {  # a pair never replaces a field of the header
        'signature': clean(header['signature']), 'severity': CEF_SEVERITIES.get(severity.lower(), severity)})


def begins_with_pairs(line: str, start: int) -> bool:
    """Return whether nothing that says something precedes the first pair. A bracket before it must end with the line."""
    return NO_HEADER.fullmatch(line, 0, start) is not None and ('[' not in line[:start] or line.rstrip().endswith(']'))


def members_of_leef(line: str, clean: Callable[[Any], str]) -> dict[str, str] | None:
    """Return the event ID and the pairs of an event in LEEF, or None for any other text."""
    header = LEEF_HEADER.match(line)
    if not header:
        return None
    separator = chr(int(header['code'], 16)) if header['code'] else header['mark'] or '\t'
    texts = [text.partition('=') for text in line[header.end():].split(separator)]
    members = members_of_pairs((clean(key), clean(value)) for key, _, value in texts)
    if type(members.get('sev')) is str:
        members['severity'] = CEF_SEVERITIES.get(members['sev'], members['sev'])
    return members | {'signature': clean(header['signature'])}


def members_of_pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return the members of an object by key and value. A key that has several values is in doubt."""
    members: dict[str, str] = {}
    for key, value in pairs:
        first = members.get(key, value)
        members[key] = value if first == value else CutText(first)
    return members


def without_quotes(value: str) -> str:
    """Return the value of a pair without the quotes around it or, if it ends with a quoted text, without those around that."""
    quote = value[-1:]
    start = value.find(quote, 0, -1) if quote in ('"', "'") else -1
    return value if start < 0 else value[:start] + value[start + 1:-1]
