"""Which number an envelope has here that had one where it comes from. Decides without I/O.

An edge keeps the origin's numbers, so that a viewer sees what is lost on the whole way. An origin that was
restarted begins again at 1, and to a viewer a number that goes back would be an older envelope: then numbers
go on from where they were, as far apart as the origin's, so that a gap is still a gap.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

_LAST_KEPT: Final = 2**63 - 1
"""Highest number that is taken for one, as on the bus."""


class Numbered(NamedTuple):
    """What an envelope is here."""

    here: int
    """Its number; 0 when it had none."""
    missed: int = 0
    """How many should have come between the one before and this."""


@dataclass(slots=True)
class _Topic:
    last: int | None = 0
    """The number that the last one had; None when that is no guide to the next."""
    captured_unix_ns: int = 0
    here: int = 0
    """The number that it was given here."""
    shift: int = 0
    """How much higher numbers are here."""
    is_new: bool = False
    """Whether nothing of it has come yet since the connection was made anew."""


class Numbering:
    """Gives numbers to what comes, topic by topic. It knows as many topics as the bus does."""

    def __init__(self) -> None:
        self._topics: Final[dict[str, _Topic]] = {}

    def begin_run(self, *, is_known: bool = False) -> None:
        """What follows is of another run of the origin, whose numbers have nothing to do with the last ones.

        Of a run that was followed before, and `is_known`, it is not told what was missed meanwhile.
        """
        for topic in self._topics.values():
            topic.shift = topic.here
            topic.last = None if is_known else 0

    def reconnected(self) -> None:
        """What follows may be of another run, and does not say so.

        A topic tells whose first number goes back.
        """
        for topic in self._topics.values():
            topic.is_new = True

    def is_old(self, topic: str, sequence: int) -> bool:
        """Whether it is certain, before an envelope is looked into, that it was here already."""
        known = self._topics.get(topic)
        if known is None or known.last is None or known.is_new:
            return False
        return 0 < sequence <= known.last

    def take(self, topic: str, sequence: int, captured_unix_ns: int) -> Numbered | None:
        """Give an envelope its number; None for one that was here already, or is older than one that was."""
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
        """The bus has given another number than was wanted: another source publishes this topic, too."""
        known = self._topics.get(topic)
        if known is not None:
            known.shift += here - wanted
            known.here = here

    def forget(self, topic: str) -> None:
        """The bus did not take the topic."""
        self._topics.pop(topic, None)
