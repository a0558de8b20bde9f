"""The settings of the source `command`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from beats.config.settings import MIB, SourceSettings
from beats.kernel.resources import Program, Resources, picture_claim

Side = Annotated[int, Field(ge=1, le=8192)]
Text = Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
PixelMode = Literal["rgb", "bgr", "rgba", "gray"]
CHANNELS: Final[Mapping[PixelMode, int]] = {"rgb": 3, "bgr": 3, "rgba": 4, "gray": 1}
"""Bytes per pixel."""


class CommandSettings(SourceSettings):
    """What a program writes to its standard output."""

    run: Annotated[tuple[Text, ...], Field(min_length=1, strict=False)]
    """The program and its arguments, such as ["ffmpeg", "-i", "a.mp4", "-f", "image2pipe", "-"]. No shell is
    involved; for one, give ["sh", "-c", "…"]."""
    format: Literal["jsonl", "pictures", "pixels"] = "jsonl"
    """What it writes. jsonl: lines as of the source jsonl; pictures: PNG, JPEG and WebP files, one after the
    other; pixels: raw frames without gaps, row by row from the top."""
    picture: str = ""
    """Id of the picture; empty for the main one. For pictures and pixels."""
    size: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    """[width, height] in pixels of each frame; for pixels."""
    mode: PixelMode = "rgb"
    """The bytes of each pixel, 8 bits a channel; for pixels."""
    cwd: Path | None = None
    """Folder to run it in. None: that of Beats."""
    # No Mapping: pydantic 2.11.0 leaves its values as they are given.
    env: dict[str, SecretStr] = Field(default_factory=dict)
    """Environment variables for it, besides those of Beats; their values are never shown."""
    restart: Literal["on_failure", "always", "never"] = "on_failure"
    """When to start it again, with growing pauses. on_failure: unless its exit code is 0; always; never."""
    max_line_bytes: Annotated[int, Field(ge=16, le=256 * MIB)] = MIB
    """Longest line in bytes; a longer one is skipped."""
    max_picture_bytes: Annotated[int, Field(ge=1024, le=1024 * MIB)] = 32 * MIB
    """Largest picture file in bytes; a larger one is skipped."""

    @model_validator(mode="after")
    def _names_what_it_runs(self) -> Self:
        if not self.run[0].strip():
            raise ValueError(
                'run begins with an empty text: name a program, such as ["python3", "sensor.py"]'
            )
        if (self.format == "pixels") != (self.size is not None):
            raise ValueError('size and format = "pixels" belong together: give both, or none of them')
        return self

    @property
    def frame_bytes(self) -> int:
        """How many bytes a frame of raw pixels has."""
        width, height = self.size or (0, 0)
        return width * height * CHANNELS[self.mode]

    def resources(self, profile: str) -> Resources:
        """The program."""
        path = self.env["PATH"].get_secret_value() if "PATH" in self.env else None
        claims = () if self.format == "jsonl" else (picture_claim("picture", self.picture),)
        return Resources(claims=claims, programs=(Program("run", self.run[0], self.cwd, path),))
