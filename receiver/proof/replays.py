"""The bodies that no scheme without a time may sign."""
import re
from itertools import chain

from receiver.proof.schemes import SCHEMES, expansion_pattern

#
# A captured request of a scheme that signs a time could be replayed for ever under a header whose scheme signs the body
# alone. An example: Slack signed `v0:1732442400:{}`. The same signature in GitHub's header is valid for the body
# `v0:1732442400:{}`, and no time is checked. So valid_signature rejects such a body under such a header.
#
# is_timed_text recognizes these bodies: a prefix or suffix of SCHEMES, and beside it the start of a body that a sender signs.
# Lines of logs, which may also begin with a time, have to pass. So most of this part says how JSON, a form, XML and the like
# begin. The patterns are derived from SCHEMES, so a new row is covered automatically.
#
# The patterns are verbose: blanks in them mean nothing. `(?>...)` never gives back what it has matched: `(?>[0-9]*)7` does not
# match '177', since the run takes all three digits. So what follows a run is tried in one place only, and a match takes linear
# time.

BLANKS = r'(?>[\s\0]*)'  # white space, and the NULs of UTF-16: `{` is two bytes there, one of them a NUL
DIGITS = r'(?>[\d\0]*)'
# A number, true, false or null in JSON, also in UTF-16.
SIMPLE_VALUE = rf"""
    (?: -?\0? \d {DIGITS} (?: [.] {DIGITS} )? (?: [eE]\0? [+-]? {DIGITS} )?
      | t\0?r\0?u\0?e | f\0?a\0?l\0?s\0?e | n\0?u\0?l\0?l )"""
# The start of a JSON object or array, which no usual line of a log matches: `{"a`, `{}`, `["a`, `[{`, `[1, 2`, `[1]` and `[]`,
# but not `{x}`, `[Wed Oct 11`, `[12.5] kernel:` and `[] full`. It may also end early, such as `[` or `[1`: that is reported as
# invalid JSON. Behind a simple value, the first item of an array, stands a comma, or the array and the text end.
OBJECT_OR_ARRAY = rf"""
    (?: \{{ {BLANKS} (?: ["}}] | \Z )
      | \[ {BLANKS} (?: ["{{[] | {SIMPLE_VALUE} {BLANKS} (?: , | \Z | \] {BLANKS} \Z ) | \] {BLANKS} \Z | \Z ) )"""
# A whole JSON text that is no object or array. A string of more than 999 escapes is not followed to its end: a repetition of a
# group takes memory.
STRING = r'(?>[^"\\]* (?: \\\0?[\s\S] [^"\\]* ){0,999})'
OTHER_JSON = rf'(?: " {STRING} (?: \\ | " {BLANKS} \Z ) | {SIMPLE_VALUE} {BLANKS} \Z )'
# What may precede JSON: blanks, and one of the byte order marks of UTF-8 and UTF-16.
BEFORE_JSON = rf'{BLANKS} (?: (?: \xef\xbb\xbf | \xff\xfe | \xfe\xff ) {BLANKS} )?'
JSON_START = re.compile((BEFORE_JSON + OBJECT_OR_ARRAY).encode(), re.VERBOSE)

# The name of a form's field, such as `disk`, `a%5Bb%5D`, `c[0]` or UTF-8. Also `&`, since a field can be empty: `&a=1`.
FORM_NAME = r'[\w.*+%~$@&\[\]\x80-\xff-]*'
FIELD_START = rf'(?>{FORM_NAME}) ='
WHOLE_FIELD = rf'{FIELD_START} (?>[^\s&]*) (?: & | \s{{0,2}} \Z )'
BOUNDARY = r'-{2,70} [^\s-]'  # of multipart
# The start of a body that senders sign with a time: `{"a": 1}`, `a=1&b=2`, `--b1`, `<a>` or nothing. No usual line of a log
# matches, such as `-- MARK --`, except one with a syslog priority, such as `<134>`. After blanks, a form must have a whole first
# field: ` host=db-1 level=error` is a line of a log.
SIGNED_BODY_START = rf"""
    (?: {FIELD_START}
      | {BEFORE_JSON} (?: \Z | < | {BOUNDARY} | {OBJECT_OR_ARRAY} | {OTHER_JSON} | {WHOLE_FIELD} ) )"""

all_schemes = [*chain(*SCHEMES.values())]
prefixes = {expansion_pattern(scheme.prefix) for scheme in all_schemes if scheme.prefix}
suffixes = {expansion_pattern(scheme.suffix) for scheme in all_schemes if scheme.suffix}
bare_times = {expansion_pattern(scheme.prefix) for scheme in all_schemes if scheme.prefix.startswith('{time}')}
# The start of a text that a sender may sign. A prefix with a version or an id is enough, whatever follows it:
# `v0:1732442400:disk full`. Lines of logs may start with a bare time, too, so what follows that must look like the start of a
# signed body: `1732442400.{"a": 1}`, which Stripe signs, but not `1732442400: disk full`.
TIMED_TEXT = re.compile(rf"""
    (?: {'|'.join(prefixes - bare_times)} | (?: {'|'.join(bare_times)} ) {SIGNED_BODY_START} )""".encode(), re.VERBOSE)
# The end of such a text, if the time follows the body, which is JSON: `{"a": 1}2026-11-24T10:00:00Z`.
TIMED_END = re.compile(rf'[}}\]]{BLANKS}(?P<time>{"|".join(suffixes)})\Z'.encode())
TIMED_END_BYTES = 200  # more than a time and some blanks


def is_timed_text(body: bytes) -> bool:
    """Return whether a body could be a text that a scheme signs: it begins like one, or is JSON with a time behind it.

    Examples are `v0:1732442400:disk full` and `{"a": 1}2026-11-24T10:00:00Z`.
    """
    if TIMED_TEXT.match(body):
        return True
    timed_end = TIMED_END.search(body[-TIMED_END_BYTES:])
    # What precedes the time has to begin like JSON. (A memoryview is no copy.)
    return timed_end is not None and JSON_START.match(memoryview(body)[:-len(timed_end['time'])]) is not None
