"""How many incidents a call contains, from how long earlier calls took."""
from itertools import combinations

from msgspec import Struct

from receiver.limits import LONGEST_CALL_SECONDS, LONGEST_SLOW_CALL_SECONDS

MAX_TIMINGS = 8
JITTER_SECONDS = 0.1  # by which short calls vary by chance
# A growth of 5 is the smallest with which 60 posts at once to a server of 8 s a call go in four calls (1, 2, 10, 47), so
# that all begin within 25 s. With 32, 1.5 times as many calls last over 10 s, and others are 3 % faster (bench/scenes/calls.py).
MAX_GROWTH = 5  # how many times as many incidents as the largest call the next one may contain
# Two incidents take at most twice as long as one, and show the overhead. Up to 26 s each that is less than the 60 s after
# which the platform's heartbeat ends for good.
PROBE_SECONDS = 26


class CallSizer(Struct):
    """Decides how many incidents the next call contains, from how long the latest ones took."""

    # Of the last MAX_TIMINGS calls that succeeded: how many incidents each contained, and how many seconds it took.
    timings: list[tuple[int, float]] = []

    def record(self, count: int, spent: float) -> None:
        """Record that a call with `count` incidents succeeded after `spent` seconds, which are not 0.

        Forget the earlier ones if it shows that they say nothing about the server's speed any more: a call took over twice as
        long as another one with at least as many incidents. For example, if earlier 10 incidents took 1 s, the server has slowed
        if now 8 take 3 s, and has sped up if now 12 take 0.3 s. The longer call must exceed twice the shorter one by
        JITTER_SECONDS.
        """
        if any((spent > 2 * earlier_spent + JITTER_SECONDS and count <= earlier_count)
               or (earlier_spent > 2 * spent + JITTER_SECONDS and count >= earlier_count)
               for earlier_count, earlier_spent in self.timings):
            self.timings = []
        self.timings = [*self.timings, (count, spent)][-MAX_TIMINGS:]

    @property
    def known_timings(self) -> list[tuple[int, float]]:
        """Return the timings, or before the first call those of a slow server, so that the first calls are small."""
        return self.timings or [(8, 2.0)]

    @property
    def cost(self) -> tuple[float, float]:
        """Return estimates of two figures: the overhead of a call, and the time that each incident in it adds, in seconds.

        Two calls of different sizes show both. For example, if 10 incidents took 0.6 s and 60 took 1.1 s, then 50 more
        cost 0.5 s: that is 0.01 s per incident, and the overhead is 1.1 s - 60 * 0.01 s = 0.5 s. With one call, or calls of
        about one size, all time counts as time per incident.
        """
        latest_count, latest_spent = self.known_timings[-1]
        most_per_incident = latest_spent / latest_count  # with more, the overhead would be negative
        pairs = combinations(sorted(self.known_timings), 2)  # in each, the smaller call comes first
        # Of sizes within a factor of two, the difference in time would be mostly chance. The absolute value, since if the larger
        # call was faster, the difference shows how much times vary by chance.
        estimates = sorted(abs(seconds_2 - seconds_1) / (size_2 - size_1)
                           for (size_1, seconds_1), (size_2, seconds_2) in pairs if size_2 >= 2 * size_1)
        # A quarter of the estimates is higher: with the highest, chance would make calls too small; with a mean, too long.
        third_quartile = estimates[len(estimates) * 3 // 4] if estimates else most_per_incident
        per_incident = max(min(third_quartile, most_per_incident), 1e-6)  # not 0, since `fit` divides by it
        return max(latest_spent - per_incident * latest_count, 0), per_incident

    def fit(self, seconds: float) -> int:
        """Return how many incidents the next call should contain to take about `seconds`; at least 1.

        For example, with an overhead of 0.5 s and 0.01 s per incident, a call of 2 s has room for (2 - 0.5) / 0.01 = 150.

        An estimate says little about calls that are much larger than those that were measured. So there is a limit: MAX_GROWTH
        times the largest call, or the latest call scaled to LONGEST_CALL_SECONDS, whichever is more.
        """
        overhead, per_incident = self.cost
        fitting = (planned_seconds(overhead, seconds) - overhead) / per_incident
        latest_count, latest_spent = self.known_timings[-1]
        largest_count, _ = max(self.known_timings)
        most = max(MAX_GROWTH * largest_count, latest_count * LONGEST_CALL_SECONDS / latest_spent)
        # If each call until now had one incident, the next one has two, to show the overhead, unless two might take too long.
        fewest = 2 if largest_count == 1 and latest_spent <= PROBE_SECONDS else 1
        return max(int(min(fitting, most) + 1e-6), fewest)  # a quotient such as 7.9999999 means 8


def planned_seconds(overhead: float, seconds: float) -> float:
    """Return how long the next call should take: `seconds`, or more if the overhead leaves little of them.

    A call of twice its overhead spends half of its time on incidents; a shorter one would mostly repeat the overhead. If the
    overhead alone exceeds LONGEST_CALL_SECONDS, 1.5 times of it must suffice: calls of twice that would often last over 40 s.
    """
    if overhead > LONGEST_CALL_SECONDS:
        return min(1.5 * overhead, LONGEST_SLOW_CALL_SECONDS)
    return min(max(seconds, 2 * overhead), LONGEST_CALL_SECONDS)
