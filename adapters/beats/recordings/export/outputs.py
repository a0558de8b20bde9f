"""What an export writes, whatever it is."""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final, Protocol, cast, runtime_checkable

from beats.kernel.envelope import Kind, Message, Peripheral
from beats.recordings.export.animations import Animation, LosslessAnimation
from beats.recordings.export.events import CsvWriter, EventWriter, JsonlWriter
from beats.recordings.export.folder import FrameFolder
from beats.recordings.export.target import Target
from beats.recordings.export.wording import counted, megabytes
from beats.recordings.selection import Chosen


class Output(Protocol):
    """Something that is written. Whole after `finish`; `discard` leaves nothing half behind."""

    @property
    def path(self) -> Path:
        """Where it is."""
        ...

    @property
    def kind(self) -> Kind:
        """What it takes."""
        ...

    def add(self, chosen: Chosen, message: Message) -> None:
        """Take the next message of its kind.

        Raises:
            PictureError: this one cannot be written; the output goes on without it.
        """
        ...

    def finish(self) -> str | None:
        """Make it whole; says what it holds, or None when it holds nothing and is not there."""
        ...

    def discard(self) -> None:
        """Take away what is not whole; nothing after `finish`."""
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """An output that wants to see every frame before it takes the first."""

    def look_at(self, png_data: bytes) -> None:
        """See a frame.

        Raises:
            PictureError: it is none.
        """
        ...


class EventTable:
    """Peripheral updates, one a line, as the name's suffix says."""

    def __init__(self, path: Path) -> None:
        """Make the file; raises OSError when it cannot be made."""
        self.path: Final = path
        self.kind: Final[Kind] = "peripheral"
        self._target: Final = Target(path)
        is_csv = path.suffix.lower() == ".csv"
        self._writer: Final[EventWriter] = (CsvWriter if is_csv else JsonlWriter)(self._target.file)
        self._lines = 0

    def add(self, chosen: Chosen, message: Message) -> None:
        """Write a line."""
        by_wall_clock = chosen.message._replace(log_unix_ns=chosen.unix_ns)
        self._writer.add(by_wall_clock, cast("Peripheral", message))
        self._lines += 1

    def finish(self) -> str | None:
        """Make the file whole."""
        if not self._lines:
            self.discard()
            return None
        return f"{counted(self._lines, 'update')}, {megabytes(self._target.commit())}"

    def discard(self) -> None:
        """Take away what is not whole."""
        self._target.discard()


def open_outputs(
    *, frames: Path | None, gif: Path | None, apng: Path | None, events: Iterable[Path]
) -> list[Output]:
    """Make all that was asked for; when one cannot be made, the others are taken away again.

    Raises:
        OSError: it names the one, and says why.
    """
    wanted: list[tuple[Callable[[Path], Output], Path | None]] = [
        (FrameFolder, frames),
        (Animation, gif),
        (LosslessAnimation, apng),
        *((EventTable, path) for path in events),
    ]
    opened: list[Output] = []
    try:
        for make, path in wanted:
            if path is not None:
                opened.append(make(path))
    except BaseException:
        for output in opened:
            output.discard()
        raise
    return opened
