"""The log times of a file that is cut out of others."""

from collections.abc import Iterator, Sequence
from typing import Final

from beats.recordings.files import Piece
from beats.recordings.walltime import Jump

_ROUNDING_NS: Final = 1000
"""Places on the timeline are floats."""


class CutTimes:
    """The log times of a cut: they begin with what the wall clock showed, and go on as the timeline does.

    Of a single file in which the clock was not set, they are its own.
    """

    def __init__(self, pieces: Sequence[Piece], start_s: float) -> None:
        first = pieces[0]
        begin_ns = max(first.times.first_ns, first.logged_ns(start_s))
        self.begin_ns: Final = first.wall.unix_ns(begin_ns)
        """The first."""
        self._pieces: Final = pieces
        self._ahead_ns: Final = self.begin_ns - begin_ns
        self._begins_ns: Final = round(first.begins_s * 1e9) - first.times.first_ns

    def by_ns(self, piece: Piece) -> int:
        """How far log times of the cut are ahead of those of a file."""
        return self._ahead_ns + round(piece.begins_s * 1e9) - piece.times.first_ns - self._begins_ns

    def log_ns(self, piece: Piece, log_ns: int) -> int:
        """A log time of a file as one of the cut."""
        return log_ns + self.by_ns(piece)

    def jumps(self) -> Iterator[Jump]:
        """Where wall time jumps after the first: in a file, and between two."""
        before: Piece | None = None
        for piece in self._pieces:
            by_ns = self.by_ns(piece)
            if before is not None:
                at_ns = piece.times.first_ns + by_ns
                expected_ns = before.wall.unix_ns(at_ns - self.by_ns(before))
                jump = Jump(at_ns, expected_ns, piece.wall.unix_ns(piece.times.first_ns), not piece.continues)
                if jump.is_joint or abs(jump.by_ns) > _ROUNDING_NS:
                    yield jump
            for jump in piece.wall.within(piece.times):
                if jump.log_ns + by_ns > self.begin_ns:
                    yield jump.moved(by_ns)
            before = piece
