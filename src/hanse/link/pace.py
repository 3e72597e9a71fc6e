"""When to try again, and how long to wait in silence."""

import random

FIRST_S = 0.5
MOST_S = 30.0
SHORTEST_S = 1.0
KEPT = 50  # quiet polls in a row after which a longer one is tried again


class Backoff:
    """Doubling delays with jitter, so that nodes that lost the hub together do not come back together."""

    def __init__(self) -> None:
        self._failures = 0

    def delay_s(self) -> float:
        """How long to wait after one more failure."""
        longest = min(MOST_S, FIRST_S * 2.0 ** min(self._failures, 20))
        self._failures += 1
        return longest * random.uniform(0.5, 1.0)

    def reset(self) -> None:
        self._failures = 0


class Hold:
    """How long a poll may stay quiet. Proxies cut quiet connections, each after its own time: a cut
    shortens the hold below that time, and after many quiet polls in a row a longer one is tried."""

    def __init__(self, most_s: float) -> None:
        self._most_s = self.seconds = most_s
        self._kept = 0

    def cut(self, after_s: float) -> bool:
        """A poll ended without an answer; whether its silence was the likely reason."""
        if after_s < SHORTEST_S:
            return False
        self.seconds = max(SHORTEST_S, 0.75 * min(self.seconds, after_s))
        self._kept = 0
        return True

    def kept(self) -> None:
        """A quiet poll was answered."""
        self._kept += 1
        if self._kept >= KEPT:
            self.seconds = min(self._most_s, 1.5 * self.seconds)
            self._kept = 0
