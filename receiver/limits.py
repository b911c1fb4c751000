"""The limits that the documentation promises, by what they limit."""

# The limits that the documentation promises.

MIB = 1024 * 1024
MAX_BODY_BYTES = 25 * MIB  # of a body as sent, of the same body after decompression, and of its text in UTF-8
MAX_JSON_BYTES = 34 * MIB  # of an incident's rawJSON: more than a body, since text grows when it is escaped into JSON
MAX_ESCAPED_BYTES = 64 * MIB  # of the same after further escapes that save memory (escape_wide_characters)
MAX_EVENTS = 1000  # in one request
MAX_GZIP_MEMBERS = 1000  # in one body
MAX_FORM_FIELDS = 1000

# How long a delivery is remembered, so that a retry gets the first response and creates nothing.
REMEMBER_SECONDS = 3600
REMEMBER_WITHOUT_ID_SECONDS = 900  # shorter, since an equal request that comes later may well be a new event
MAX_REMEMBERED_DELIVERIES = 10_000
MAX_REMEMBERED_BYTES = 16 * MIB  # of the responses to these deliveries

MAX_TOKENS = 8  # of one instance; under 10, since `min` compares their positions as text
# Signatures of a request that are checked: each costs an HMAC of the body for each token, and its sender is unauthenticated.
MAX_SIGNATURES = 8  # which is 64 HMACs with MAX_TOKENS
MAX_LARGE_HMACS = 16  # of a body of more than SMALL_BODY_BYTES

# Memory that may be in use at the same time. Each of these gates bounds one thing:
#
#   gate                        what it bounds                                                            most MiB
#   Intake.accepted             bodies of requests whose head shows the token, and decompressed ones             96
#   Intake.unauthenticated      bodies of other requests, until their signature is checked; small ones apart    48 + 16
#   Listener.heads              heads that arrive, or wait because they show no token                           8
#   Listener.unsent             responses that accepted and other senders have not read yet                     32 + 8
#   PostQueue.check_room        posts that wait for a call, and a quarter more beside those set aside           64 + 16
#   DeliveryMemory              responses that are remembered for repeats                                       16
#   Intake.take_turn            the work on a body, and a large one's first call: one of each size at a time    250
#   Listener.full               connections, each with a greenlet, of at most 20 KiB while it is idle           40
#                                                                                                    together   594
MAX_ACCEPTED_BYTES = 96 * MIB  # bodies, read or processed, of requests whose head shows the token; and all decompressed text
MAX_UNAUTHENTICATED_BYTES = 48 * MIB  # bodies of other requests, whose signature can be checked only when all has arrived
MAX_UNAUTHENTICATED_SMALL_BYTES = 16 * MIB  # a separate budget for small ones, so that large ones cannot crowd them out
SMALL_BODY_BYTES = 256 * 1024  # the largest small body
MAX_HEADS_BYTES = 8 * MIB  # request lines and headers: arriving, or waiting to be served because they show no token
MAX_UNSENT_BYTES = 32 * MIB  # responses to accepted requests that their senders have not read yet
MAX_UNSENT_UNAUTHENTICATED_BYTES = 8 * MIB  # responses to all other requests that their senders have not read yet
REQUEST_BYTES = 32 * 1024  # what a request uses besides its head and body, which is mostly the stack of its greenlet

MAX_CONNECTIONS = 2048
RESERVED_FILES = 64  # of the container's open files, for everything that is not a connection
HEADER_SECONDS = 15
IDLE_SECONDS = 75  # longer than common proxies keep idle connections, so that the proxy closes first
BODY_GRACE_SECONDS = 15  # before BODY_BYTES_PER_SECOND is required
BODY_BYTES_PER_SECOND = 1024
RESPONSE_GRACE_SECONDS = 30  # before RESPONSE_BYTES_PER_SECOND is required
RESPONSE_BYTES_PER_SECOND = 64 * 1024
MAX_PARAMETERS = 100  # of the query; further ones are ignored
MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024  # of all headers together
MAX_KEPT_HEADER_BYTES = 8 * 1024  # of the headers that one incident keeps
MAX_FRAMING_BYTES = 64 * 1024  # of a body's chunk sizes, extensions and trailers; an eighth of its data is added to this limit

# Accepted posts that wait for a call to the server, and the calls.
MAX_WAITING_POSTS = 1000
MAX_WAITING_BYTES = 64 * MIB
MAX_CALL_INCIDENTS = 1000  # when a call contains several posts
MAX_CALL_BYTES = 4 * MIB
HAND_OVER_SECONDS = 25  # how long a post may wait for a call
CALL_SECONDS = 2  # the duration that a call with several posts is sized for: strict senders wait only 3 s for a response
LONGEST_CALL_SECONDS = 10  # no call is sized to take longer: many senders give up then, GitHub among them
# If the overhead of a call alone is longer, this limit applies. A call over 60 s ends the platform's heartbeat for good, and a
# call may take half as long again as planned.
LONGEST_SLOW_CALL_SECONDS = 40
RETRY_SECONDS = 5  # how long to go on trying the parts of a rejected group
# After this many calls without any success for a group, blame the server, not a bad post, and give up on the group.
MAX_FRUITLESS_TRIES = 8
# A post that XSOAR rejected after its sender had left is tried again, alone, after this pause, then after twice the pause,
# and so on up to the longest. If a server creates what it then rejects, each try makes a duplicate: hence the growth.
FIRST_PAUSE_SECONDS = 1
LONGEST_PAUSE_SECONDS = 600
HURRY_SECONDS = 10  # how often a repeat of it may end the pause
# It is lost after so many tries over so many seconds, if so many calls of other posts have succeeded: then the server is not
# at fault. All three are counted from the first of these calls.
MOST_FAILURES = 5
GIVE_UP_SECONDS = 60
OTHERS_CREATED = 3
RETRY_AFTER_SECONDS = 10

# The largest difference between the time that a sender signed and the arrival of its request, before or after.
TIMED_SECONDS = 300  # Slack, Stripe and Standard Webhooks use five minutes
BODY_TIMED_SECONDS = 60  # if the body contains the time, as Linear's does

CONTEXT_EVERY_SECONDS = 60  # the shortest interval between two saves of the samples and the history
MAX_SAMPLES = 20
MAX_ACCEPTED_ENTRIES = 150  # of the history: deliveries with a valid proof
MAX_OTHER_ENTRIES = 50
HISTORY_HOURS = 48  # for which deliveries are counted
MAX_HISTORY_BYTES = 64 * 1024  # of its entries and counts as JSON; and of the watches, apart from it
SLOWNESS_SECONDS = 300  # how long the health shows that XSOAR was slow
MAX_WATCHES = 100  # of ?expect=, for silence
LONGEST_WATCH_SECONDS = 30 * 24 * 3600  # that it may ask for; and after which a silent sender is forgotten

STOP_SECONDS = 10  # for requests in flight when the instance is stopped
