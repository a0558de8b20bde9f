"""The settings of the source `replay`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from beats.config.settings import SourceSettings
from beats.kernel.envelope import Kind
from beats.kernel.resources import Input, Resources
from beats.kit.paths import expanded
from beats.recordings import MAGIC, SUFFIX, UNFINISHED_SUFFIX
from beats.recordings.ranges import check_moment

LEAST_SPEED = 0.1
MOST_SPEED = 100.0

Speed = Annotated[float, Field(ge=LEAST_SPEED, le=MOST_SPEED)]
Text = Annotated[str, Field(min_length=1)]


class ReplaySettings(SourceSettings):
    """Recordings to play back."""

    path: tuple[Text, ...] | Text
    """One or several recordings, or folders. The recordings in and below a folder are played in the order of
    their times. One that is cut, damaged or still being written is played as far as it is whole; one of a
    folder that cannot be read is skipped."""
    speed: Speed | Literal["max"] = 1.0
    """Playback speed, 0.1 to 100 times the recorded one; or max: as fast as the sinks accept it. With max,
    sinks need the overflow strategy `block`, or they lose most of it."""
    loop: bool = False
    """Start again after the end, with the files that are then in the folders; from then on the envelopes get
    new sequence numbers."""
    start: float | Text | None = None
    """Where to start: seconds from the beginning, a time of day such as "21:30", or an ISO 8601 time."""
    end: float | Text | None = None
    """Where to stop; same formats as `start`."""
    kinds: tuple[Kind, ...] = ("frame", "peripheral")
    """Play only these kinds."""
    topics: tuple[Text, ...] = ()
    """Play only these topics; shell patterns such as "peripheral/knob-*". Empty: all."""

    @field_validator("start", "end")
    @classmethod
    def _says_a_moment(cls, moment: float | str | None) -> float | str | None:
        if isinstance(moment, float) and moment < 0:
            raise ValueError("seconds are counted from the beginning: give 0 or more")
        if isinstance(moment, str):
            check_moment(moment)
        return moment

    @model_validator(mode="after")
    def _something_to_play(self) -> Self:
        if not self.path or not self.kinds:
            raise ValueError("path and kinds must not be empty")
        return self

    @property
    def paths(self) -> list[Path]:
        """The files and folders."""
        named = (self.path,) if isinstance(self.path, str) else self.path
        return [Path(name) for name in named]

    def resources(self, profile: str) -> Resources:
        """The recordings, or the folders that hold them."""
        return Resources(inputs=recordings_at(self.paths))


def recordings_at(paths: Sequence[Path]) -> tuple[Input, ...]:
    """The recordings at these paths. Among several, one may be empty: a power cut can leave such a file."""
    endings = (SUFFIX, SUFFIX + UNFINISHED_SUFFIX)
    return tuple(
        Input(
            "path",
            expanded(path),
            "any",
            endings,
            is_deep=True,
            begins_with=MAGIC,
            may_be_empty=len(paths) > 1,
            is_called="recording",
        )
        for path in paths
    )
