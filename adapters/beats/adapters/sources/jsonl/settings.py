"""The settings of the source `jsonl`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from beats.config.settings import MIB, SourceSettings
from beats.kernel.resources import Input, Resources
from beats.kit.paths import expanded


class JsonlSettings(SourceSettings):
    """Peripheral updates, one JSON object a line: {"id": "knob-1", "data": {…}}."""

    path: Annotated[str, Field(min_length=1)] = "-"
    """A file, a FIFO (which stays open from one writer to the next), or "-" for standard input."""
    follow: bool = False
    """Wait for further lines at the end of a file, as `tail -F` does: also if another file takes its name
    (rotation), if it is truncated or rewritten, or if it does not exist yet."""
    max_line_bytes: Annotated[int, Field(ge=16, le=256 * MIB)] = MIB
    """Longest line in bytes; a longer one is skipped. 1 MiB is far more than any sensor sends."""

    @model_validator(mode="after")
    def _follow_a_file(self) -> Self:
        if self.follow and self.path == "-":
            raise ValueError("follow is for files: standard input ends when its writer closes it")
        return self

    def resources(self, profile: str) -> Resources:
        """The file; nothing for standard input."""
        if self.path == "-":
            return Resources()
        return Resources(inputs=(Input("path", expanded(self.path), may_come=self.follow),))
