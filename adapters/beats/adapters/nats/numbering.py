"""Sequence numbers of envelopes from another machine, and a guard against loops. Decides without I/O.

An edge keeps the origin's numbers, so that a viewer sees what is lost on the whole way. A restarted origin
begins again at 1, and to a viewer a lower number would be an older envelope. So numbers go on from where they
were, as far apart as the origin's, so that a gap is still a gap.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

_LAST_KEPT: Final = 2**63 - 1
"""Highest valid number, as on the bus."""
_REMEMBERED: Final = 64


class Numbered(NamedTuple):
    """The number of an envelope here."""

    here: int
    """0 when it had none."""
    missed: int = 0
    """How many envelopes are missing between the one before and this one."""


@dataclass(slots=True)
class _Topic:
    last: int | None = 0
    """The origin's number of the last envelope; None when it says nothing about the next."""
    captured_unix_ns: int = 0
    here: int = 0
    """The number that the last envelope was given here."""
    shift: int = 0
    """How much higher numbers are here."""
    is_new: bool = False
    """Whether nothing of it has come since the last reconnection."""


class Numbering:
    """Numbers envelopes, topic by topic. It knows as many topics as the bus does."""

    def __init__(self) -> None:
        self._topics: Final[dict[str, _Topic]] = {}

    def begin_run(self, *, is_known: bool = False) -> None:
        """Begin another run of the origin, whose numbers are unrelated to those of the last one.

        If the run was followed before (`is_known`), the first envelope of a topic does not count as a gap.
        """
        for topic in self._topics.values():
            topic.shift = topic.here
            topic.last = None if is_known else 0

    def reconnected(self) -> None:
        """Expect that the next envelopes may be from another run, without an announcement.

        A topic shows that it is, when its first number goes back.
        """
        for topic in self._topics.values():
            topic.is_new = True

    def is_old(self, topic: str, sequence: int) -> bool:
        """Whether its headers prove that an envelope was received before."""
        known = self._topics.get(topic)
        if known is None or known.last is None or known.is_new:
            return False
        return 0 < sequence <= known.last

    def take(self, topic: str, sequence: int, captured_unix_ns: int) -> Numbered | None:
        """Number an envelope; None for one that was here already, or is older than one that was."""
        if not 0 < sequence <= _LAST_KEPT:
            return Numbered(0)
        known = self._topics.get(topic)
        if known is None:
            known = self._topics[topic] = _Topic()
            missed = 0
        elif known.last is None:
            known.shift = known.here + 1 - sequence
            missed = 0
        elif sequence > known.last:
            missed = sequence - known.last - 1
        elif known.is_new and (sequence, captured_unix_ns) != (known.last, known.captured_unix_ns):
            known.shift = known.here
            missed = sequence - 1
        else:
            known.is_new = False
            return None
        known.is_new = False
        known.last, known.captured_unix_ns = sequence, captured_unix_ns
        known.here = sequence + known.shift
        return Numbered(known.here, missed)

    def corrected(self, topic: str, wanted: int, here: int) -> None:
        """The bus has given another number than wanted: another source publishes this topic, too."""
        known = self._topics.get(topic)
        if known is not None:
            known.shift += here - wanted
            known.here = here

    def forget(self, topic: str) -> None:
        """The bus refused the topic."""
        self._topics.pop(topic, None)


class LoopGuard:
    """Recognises envelopes that were put on the bus here and come back from elsewhere.

    It only remembers envelopes whose number was changed here: one that returns to a bus that had it already
    is given another number there.
    """

    def __init__(self) -> None:
        self._topics: Final[dict[str, deque[int]]] = {}

    def remember(self, topic: str, encoded: bytes) -> None:
        """Remember that these bytes were put on the bus."""
        self._topics.setdefault(topic, deque(maxlen=_REMEMBERED)).append(hash(encoded))

    def has(self, topic: str, encoded: bytes) -> bool:
        """Whether the same bytes, including number and time, were put on the bus recently."""
        remembered = self._topics.get(topic)
        return remembered is not None and hash(encoded) in remembered

    def forget(self, topic: str) -> None:
        """The bus refused the topic."""
        self._topics.pop(topic, None)
