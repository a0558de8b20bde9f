"""The files that an export writes: folders of frames, animations, videos, recordings, tables of updates."""

import errno
import re
from array import array
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Protocol, cast, runtime_checkable

from beats.kernel.envelope import KINDS, Frame, Kind, Message, Peripheral
from beats.kit import units
from beats.recordings import UNFINISHED_SUFFIX
from beats.recordings.export.apng import TICKS_PER_S as APNG_TICKS_PER_S
from beats.recordings.export.apng import ApngWriter, FormSurvey
from beats.recordings.export.events import CsvWriter, JsonlWriter
from beats.recordings.export.foxglove import FoxgloveWriter
from beats.recordings.export.gif import TICKS_PER_S as GIF_TICKS_PER_S
from beats.recordings.export.gif import GifWriter
from beats.recordings.export.mp4 import TICKS_PER_S as MP4_TICKS_PER_S
from beats.recordings.export.mp4 import Mp4Writer
from beats.recordings.export.png import as_png
from beats.recordings.selection import Chosen
from beats.recordings.unfinished import UnfinishedFile, new_folder, unfinished, write_new

_FRAME_NAME: Final = re.compile(r"\d{7,}_\d{8}T\d{6}\.\d{6}Z\.(png|jpeg|webp|avif)(\.part)?")


class ExportOutput(Protocol):
    """An output of an export. Complete after `finish`; `discard` removes it if it is incomplete."""

    @property
    def path(self) -> Path:
        """Where the output is written."""
        ...

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """The kinds of message that it takes."""
        ...

    @property
    def one_picture(self) -> bool:
        """Whether the output can hold the frames of one picture only."""
        ...

    def add(self, chosen: Chosen, message: Message) -> None:
        """Add the next message of a kind that the output takes.

        Raises:
            FrameError: this one cannot be written; the output continues without it.
        """
        ...

    def finish(self) -> str | None:
        """Complete the output and describe its content; None when it was empty and is removed."""
        ...

    def discard(self) -> None:
        """Remove the incomplete output. Does nothing after `finish`."""
        ...


@runtime_checkable
class LooksAhead(Protocol):
    """An output that must examine every frame before it takes the first."""

    def look_at(self, png_data: bytes) -> None:
        """Examine a frame.

        Raises:
            FrameError: it is not a picture.
        """
        ...


class FrameFolder:
    """Each frame as the original file, in a folder."""

    def __init__(self, path: Path) -> None:
        """Create the folder if it does not exist.

        Raises:
            OSError: it cannot be created, or holds frames of another export.
        """
        self.path: Final = path
        self.kinds: Final[tuple[Kind, ...]] = ("frame",)
        self.one_picture: Final = True
        self._times: Final = array("Q")
        """Of the frames written, in nanoseconds. Their names follow from them, and would take ten times as
        much memory."""
        self._begun = ""
        """The name of the last frame, which a signal may have left half written."""
        self._size_bytes = 0
        self._is_whole = False
        self._is_new: Final = new_folder(path)
        if found := next((each.name for each in path.iterdir() if _FRAME_NAME.fullmatch(each.name)), None):
            text = f"already holds exported frames ({found}): give another folder, or empty it"
            raise FileExistsError(errno.EEXIST, text, str(path))

    def add(self, chosen: Chosen, message: Message) -> None:
        """Write a frame."""
        frame = cast("Frame", message)
        form = frame.media_type.removeprefix("image/")
        self._begun = frame_name(len(self._times) + 1, chosen.unix_ns, form)
        try:
            write_new(self.path / self._begun, frame.data)
        except FileExistsError:
            self._begun = ""  # it is another program's
            raise
        self._times.append(chosen.unix_ns)
        self._size_bytes += len(frame.data)

    def finish(self) -> str | None:
        """Describe what was written; a new folder that stayed empty is removed."""
        if not self._times:
            self.discard()
            return None
        self._is_whole = True
        return f"{units.counted(len(self._times), 'frame')}, {units.size(self._size_bytes)}"

    def discard(self) -> None:
        """Remove the frames that were written, and a new folder."""
        if self._is_whole:
            return
        with suppress(OSError):
            for each in self.path.iterdir():
                if self._wrote(each.name):
                    each.unlink()
            if self._is_new:
                self.path.rmdir()

    def _wrote(self, name: str) -> bool:
        if not _FRAME_NAME.fullmatch(name):
            return False
        if name.removesuffix(UNFINISHED_SUFFIX) == self._begun:
            return True
        number, form = int(name.split("_")[0]), name.rpartition(".")[2]
        written = 0 < number <= len(self._times)
        return written and name == frame_name(number, self._times[number - 1], form)


class _FileOutput:
    one_picture: bool = False

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError when it cannot be created."""
        self.path: Final = path
        self._target: Final = UnfinishedFile(path)

    def discard(self) -> None:
        """Remove the file if it is incomplete."""
        self._target.discard()


class Animation(_FileOutput):
    """Frames as an animated GIF; the subclass writes an APNG."""

    kinds: tuple[Kind, ...] = ("frame",)
    one_picture = True
    _ticks_per_s: int = GIF_TICKS_PER_S
    _writer: GifWriter | ApngWriter | None = None

    def add(self, chosen: Chosen, message: Message) -> None:
        """Add the next frame."""
        png_data = as_png(cast("Frame", message).data)
        if self._writer is None:
            self._writer = self._begin(png_data)
        self._writer.add(chosen.position_s, png_data)

    def finish(self) -> str | None:
        """Complete the file; describe its frames, its duration, and what was omitted or converted."""
        writer = self._writer
        if writer is None or not writer.pace.is_begun:
            self.discard()
            return None
        writer.finish()
        return _described(writer, self._ticks_per_s, self._target.commit())

    def _begin(self, _png_data: bytes) -> GifWriter | ApngWriter:
        return GifWriter(self._target.file)


class LosslessAnimation(Animation):
    """Frames as an APNG, after all of them have been examined."""

    _ticks_per_s = APNG_TICKS_PER_S

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError when it cannot be created."""
        super().__init__(path)
        self._survey: Final = FormSurvey()

    def look_at(self, png_data: bytes) -> None:
        """Examine a frame before the first is written."""
        self._survey.add(png_data)

    def _begin(self, png_data: bytes) -> ApngWriter:
        found = self._survey.form()
        if found is None:  # the first frame was recorded after the survey
            self._survey.add(png_data)
            found = self._survey.form()
            assert found is not None
        return ApngWriter(self._target.file, *found)


class Video(_FileOutput):
    """Frames as an MP4."""

    kinds: tuple[Kind, ...] = ("frame",)
    one_picture = True

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError when it cannot be, MissingPackageError when PyAV is missing."""
        super().__init__(path)
        try:
            self._writer: Final = Mp4Writer(unfinished(path))
        except BaseException:
            self._target.discard()
            raise

    def add(self, chosen: Chosen, message: Message) -> None:
        """Add the next frame."""
        self._writer.add(chosen.position_s, cast("Frame", message).data)

    def finish(self) -> str | None:
        """Complete the file; describe its frames, its duration, and what was omitted or converted."""
        if not self._writer.pace.is_begun:
            self.discard()
            return None
        self._writer.finish()
        return _described(self._writer, MP4_TICKS_PER_S, self._target.commit())

    def discard(self) -> None:
        """Remove the file if it is incomplete."""
        super().discard()  # first: the writer would move the index of a file that is there
        self._writer.discard()


class FoxgloveRecording(_FileOutput):
    """Frames and updates as Foxglove's tools know them."""

    kinds: tuple[Kind, ...] = KINDS

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError when it cannot be created."""
        super().__init__(path)
        self._writer: Final = FoxgloveWriter(self._target.file)

    def add(self, chosen: Chosen, message: Message) -> None:
        """Add a message."""
        self._writer.add(chosen.message, message)

    def finish(self) -> str | None:
        """Complete the file."""
        frames, updates = self._writer.frames, self._writer.updates
        if not frames + updates:
            self.discard()
            return None
        self._writer.finish()
        size = units.size(self._target.commit())
        return f"{units.counted(frames, 'frame')}, {units.counted(updates, 'update')}, {size}"


class EventTable(_FileOutput):
    """Peripheral updates, one a line, in the format of the name's suffix."""

    kinds: tuple[Kind, ...] = ("peripheral",)

    def __init__(self, path: Path) -> None:
        """Create the file; raises OSError when it cannot be created."""
        super().__init__(path)
        writer = CsvWriter if path.suffix.lower() == ".csv" else JsonlWriter
        self._writer: Final = writer(self._target.file)
        self._lines = 0

    def add(self, chosen: Chosen, message: Message) -> None:
        """Write a line."""
        by_wall_clock = chosen.message._replace(log_unix_ns=chosen.unix_ns)
        self._writer.add(by_wall_clock, cast("Peripheral", message))
        self._lines += 1

    def finish(self) -> str | None:
        """Complete the file."""
        if not self._lines:
            self.discard()
            return None
        return f"{units.counted(self._lines, 'update')}, {units.size(self._target.commit())}"


def open_outputs(
    *,
    frames: Path | None = None,
    gif: Path | None = None,
    apng: Path | None = None,
    mp4: Path | None = None,
    foxglove: Path | None = None,
    events: Iterable[Path] = (),
) -> list[ExportOutput]:
    """Create all requested outputs; if one cannot be created, remove the others.

    Raises:
        OSError: names the output, and says why.
        MissingPackageError: a package is missing.
    """
    wanted: list[tuple[Callable[[Path], ExportOutput], Path | None]] = [
        (FrameFolder, frames),
        (Animation, gif),
        (LosslessAnimation, apng),
        (Video, mp4),
        (FoxgloveRecording, foxglove),
        *((EventTable, path) for path in events),
    ]
    opened: list[ExportOutput] = []
    try:
        for make, path in wanted:
            if path is not None:
                opened.append(make(path))
    except BaseException:
        for output in opened:
            output.discard()
        raise
    return opened


def _described(writer: GifWriter | ApngWriter | Mp4Writer, ticks_per_s: int, size_bytes: int) -> str:
    """The frames of a complete animation, its duration, and what was omitted or converted."""
    pace = writer.pace
    lasts_s = pace.total_ticks / ticks_per_s
    text = f"{units.counted(writer.frames, 'frame')}, {lasts_s:,.2f} s, {units.size(size_bytes)}"
    if pace.passed_over:
        least_ms = 1000 * pace.least_ticks / ticks_per_s
        text += f"; {pace.passed_over:,} skipped that would have lasted under {least_ms:.2g} ms"
    if writer.converted:
        text += f"; {writer.converted:,} converted, {writer.converted_why}"
    return text


def frame_name(number: int, unix_ns: int, form: str = "png") -> str:
    """The name of a frame: its number and time, in ISO 8601's basic form, since some disks refuse colons."""
    seconds, ns = divmod(unix_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)  # 64 bits of nanoseconds end in the year 2554
    return f"{number:07}_{moment:%Y%m%dT%H%M%S}.{ns // 1000:06}Z.{form}"
