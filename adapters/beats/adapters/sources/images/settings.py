"""The settings of the source `images`."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from beats.config.settings import MIB, SourceSettings
from beats.kernel.resources import Input, Resources, picture_claim
from beats.kit.paths import expanded

Side = Annotated[int, Field(ge=1, le=8192)]


class ImagesSettings(SourceSettings):
    """Pictures from a file or a folder."""

    path: Annotated[str, Field(min_length=1)]
    """A GIF, APNG, WebP or still picture, or a folder of pictures, shown in natural order (2 before 10)."""
    fps: Annotated[float, Field(ge=0.01, le=240)] | None = None
    """Pictures per second. None: the frame times of the file, or one second for a still picture."""
    loop: bool = True
    """Start again after the last picture, whatever the file says; a still is sent again each second."""
    scale: Annotated[int, Field(ge=1, le=64)] = 1
    """Whole-number factor to enlarge by, nearest neighbour; 1 leaves pictures as they are."""
    size: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    """[width, height] in pixels to bring every picture to, nearest neighbour; instead of `scale`."""
    cache_bytes: Annotated[int, Field(ge=0)] = 64 * MIB
    """Most bytes of finished pictures kept for the next loop; files beyond that are decoded each time."""
    refresh_s: Annotated[float, Field(ge=0, le=86_400)] = 1.0
    """Seconds between checks of the file or folder for added, removed and rewritten files; only with
    `loop`. 0 never checks."""

    @model_validator(mode="after")
    def _one_way_to_enlarge(self) -> Self:
        if self.size is not None and self.scale != 1:
            raise ValueError("scale and size exclude each other: leave one of them out")
        return self

    def resources(self, profile: str) -> Resources:
        """The pictures, or the folder that holds them."""
        inputs = (Input("path", expanded(self.path), "any"),)
        return Resources(inputs=inputs, claims=(picture_claim("type"),))
