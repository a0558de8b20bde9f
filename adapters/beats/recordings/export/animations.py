"""Frames as one file that moves."""

from pathlib import Path
from typing import Final, cast

from beats.kernel.envelope import Frame, Kind, Message
from beats.recordings.export.apng import TICKS_PER_S as APNG_TICKS_PER_S
from beats.recordings.export.apng import ApngWriter, Survey
from beats.recordings.export.gif import TICKS_PER_S as GIF_TICKS_PER_S
from beats.recordings.export.gif import GifWriter
from beats.recordings.export.target import Target
from beats.recordings.export.wording import counted, megabytes
from beats.recordings.selection import Chosen


class Animation:
    """Frames as an animated GIF; below, as an APNG."""

    _ticks_per_s: int = GIF_TICKS_PER_S

    def __init__(self, path: Path) -> None:
        """Make the file; raises OSError when it cannot be made."""
        self.path: Final = path
        self.kind: Final[Kind] = "frame"
        self._target: Final = Target(path)
        self._writer: GifWriter | ApngWriter | None = None

    def add(self, chosen: Chosen, message: Message) -> None:
        """Take the next frame."""
        png_data = cast("Frame", message).png_data
        if self._writer is None:
            self._writer = self._begin(png_data)
        self._writer.add(chosen.position_s, png_data)

    def finish(self) -> str | None:
        """Make the file whole; says how many frames it has, how long it lasts, what became of others."""
        writer = self._writer
        if writer is None or not writer.pace.is_begun:
            self.discard()
            return None
        writer.finish()
        lasts_s = writer.pace.total_ticks / self._ticks_per_s
        size_bytes = self._target.commit()
        text = f"{counted(writer.frames, 'frame')}, {lasts_s:,.2f} s, {megabytes(size_bytes)}"
        if writer.pace.passed_over:
            least_ms = 1000 * writer.pace.least_ticks / self._ticks_per_s
            text += (
                f"; {writer.pace.passed_over:,} passed over that would have lasted under {least_ms:.0f} ms"
            )
        if writer.converted:
            text += f"; {writer.converted:,} converted, {writer.converted_why}"
        return text

    def discard(self) -> None:
        """Take away what is not whole."""
        self._target.discard()

    def _begin(self, _png_data: bytes) -> GifWriter | ApngWriter:
        return GifWriter(self._target.file)


class LosslessAnimation(Animation):
    """Frames as an APNG, once all of them have been looked at."""

    _ticks_per_s = APNG_TICKS_PER_S

    def __init__(self, path: Path) -> None:
        """Make the file; raises OSError when it cannot be made."""
        super().__init__(path)
        self._survey: Final = Survey()

    def look_at(self, png_data: bytes) -> None:
        """See a frame before the first is written."""
        self._survey.add(png_data)

    def _begin(self, png_data: bytes) -> ApngWriter:
        found = self._survey.form()
        if found is None:  # it has been recorded only since
            self._survey.add(png_data)
            found = self._survey.form()
            assert found is not None
        return ApngWriter(self._target.file, *found)
