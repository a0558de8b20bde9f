"""Runs an export: reads a selection once, or twice where an output looks ahead, and feeds the outputs."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from beats.kernel.envelope import Frame, Kind, Message, kind_of_topic
from beats.kernel.errors import InputError
from beats.proto.codec import OPEN_CODEC
from beats.recordings.export.outputs import ExportOutput, LooksAhead
from beats.recordings.export.png import FrameError, as_png
from beats.recordings.scan import Damage
from beats.recordings.selection import Chosen, Selection

_NOUNS: Final[Mapping[Kind, str]] = {"frame": "frames", "peripheral": "updates"}
MOST_TOLD: Final = 10
"""How many messages that cannot be written are reported one by one, for each output."""


_MOST_NAMES: Final = 32


class Result(NamedTuple):
    """The result of an output."""

    path: Path
    text: str
    """What the output holds, or why it was not written."""
    is_written: bool


def export(
    selection: Selection,
    outputs: Sequence[ExportOutput],
    tell: Callable[[str], object],
    progress: Callable[[float], object],
) -> list[Result]:
    """Write all outputs. If that fails or is interrupted, incomplete ones are removed.

    Args:
        selection: what to write.
        outputs: open ones.
        tell: called with a sentence on each thing that could not be read or written.
        progress: called with the fraction done, from 0 to 1.

    Raises:
        InputError: a file cannot be read any more, or several pictures are selected.
        OSError: an output cannot be written; the error names it.
    """
    try:
        return _Export(selection, outputs, tell, progress).run()
    except BaseException:
        for output in outputs:
            output.discard()
        raise


@dataclass(frozen=True)
class _Export:
    selection: Selection
    outputs: Sequence[ExportOutput]
    tell: Callable[[str], object]
    progress: Callable[[float], object]
    left_out: Counter[str] = field(default_factory=Counter[str])
    pictures: set[str] = field(default_factory=set[str])
    """The topics of the frames."""

    def run(self) -> list[Result]:
        ahead = [output for output in self.outputs if isinstance(output, LooksAhead)]
        if ahead:
            for _, message in self._messages(
                0.0, 0.5, lambda _path, _damage: None, lambda _chosen, _why: None
            ):
                if isinstance(message, Frame):
                    for output in ahead:
                        with suppress(FrameError):  # reported when it is written
                            output.look_at(as_png(message.data))
        begins = 0.5 if ahead else 0.0
        for chosen, message in self._messages(begins, 1.0, self._damaged, self._leave_out):
            kind = "frame" if isinstance(message, Frame) else "peripheral"
            for each in self.outputs:
                if kind in each.kinds:
                    self._give(each, chosen, message)
        return [self._finish(output) for output in self.outputs]

    def _messages(
        self,
        begins: float,
        ends: float,
        damaged: Callable[[Path, Damage], object],
        unreadable: Callable[[Chosen, str], object],
    ) -> Iterator[tuple[Chosen, Message]]:
        start_s = self.selection.filter.start_s
        span_s = max(self.selection.end_s - start_s, 1e-9)
        for batch in self.selection.batches(start_s, damaged):
            for chosen in batch:
                if chosen.repeated:
                    continue
                self._check_picture(chosen.message.topic)
                try:
                    message = OPEN_CODEC.decode(chosen.message.encoded).message
                except ValueError as error:
                    unreadable(chosen, str(error))
                    continue
                yield chosen, message
            done = min(1.0, max(0.0, (batch[-1].position_s - start_s) / span_s))
            self.progress(begins + (ends - begins) * done)
        self.progress(ends)  # the range may end before the timeline

    def _check_picture(self, topic: str) -> None:
        """Refuse a second picture, of which an animation or a folder holds one."""
        if kind_of_topic(topic) != "frame" or not any(output.one_picture for output in self.outputs):
            return
        self.pictures.add(topic)
        if len(self.pictures) > 1:
            kinds: tuple[Kind, ...] = ("frame",)
            topics = self.selection.topics(kinds)
            named = _names([each for each in topics if self.selection.filter.matches(each)])
            raise InputError(
                f"the selection has frames of several pictures ({named}): choose one, such as "
                f"--topics {min(self.pictures):.60}"
            )

    def _give(self, output: ExportOutput, chosen: Chosen, message: Message) -> None:
        try:
            output.add(chosen, message)
        except FrameError as error:
            self._leave_out(chosen, str(error), str(output.path))
        except OSError as error:
            raise _named(error, output.path) from error

    def _finish(self, output: ExportOutput) -> Result:
        try:
            text = output.finish()
        except OSError as error:
            raise _named(error, output.path) from error
        is_written = text is not None
        if text is None:
            nouns = " or ".join(_NOUNS[kind] for kind in output.kinds)
            text = f"not written: the selection has no readable {nouns}{self._no_topic(output)}"
        if left_out := self.left_out[str(output.path)]:
            text += f"; {left_out:,} left out that could not be decoded"
        return Result(output.path, text, is_written)

    def _no_topic(self, output: ExportOutput) -> str:
        """That no pattern matches a topic, and which topics there are; empty where one does."""
        wanted = self.selection.filter
        topics = self.selection.topics(output.kinds) if wanted.topics else []
        if not topics or any(map(wanted.matches, topics)):
            return ""
        return f": no topic matches {', '.join(wanted.topics):.200}; there are {_names(topics)}"

    def _damaged(self, path: Path, damage: Damage) -> None:
        self.tell(f"{path}: {damage}")

    def _leave_out(self, chosen: Chosen, why: str, output: str = "") -> None:
        self.left_out[output] += 1
        if self.left_out[output] > MOST_TOLD:
            return
        where = f" of {output}" if output else ""
        message = chosen.message
        self.tell(
            f"{chosen.piece.path}: {message.topic}, sequence {message.sequence}, is left out{where}: {why}"
        )
        if self.left_out[output] == MOST_TOLD:
            self.tell(f"{chosen.piece.path}: further messages left out{where} are only counted")


def _names(topics: Sequence[str]) -> str:
    named = ", ".join(f"{each!r:.60}" for each in topics[:_MOST_NAMES])
    more = len(topics) - _MOST_NAMES
    return f"{named} and {more:,} more" if more > 0 else named


def _named(error: OSError, path: Path) -> OSError:
    """The error with the name of a file, which the error of a full disk lacks."""
    if error.filename is None:
        error.filename = str(path)
    return error
