"""The settings of the source `screen`."""

import os
import sys
from typing import Annotated, Final

from pydantic import Field

from beats.config.settings import SourceSettings
from beats.kernel.resources import Doubt, Resources, picture_claim
from beats.kit.extras import package

Offset = Annotated[int, Field(ge=0, le=65535)]
Length = Annotated[int, Field(ge=1, le=65535)]


class ScreenSettings(SourceSettings):
    """Pictures of a screen."""

    monitor: Annotated[int, Field(ge=0, le=64)] = 1
    """Which monitor, from 1; 0 is all of them as one picture."""
    region: Annotated[tuple[Offset, Offset, Length, Length], Field(strict=False)] | None = None
    """[left, top, width, height] in pixels: a part of the monitor. None: all of it."""
    fps: Annotated[float, Field(ge=0.01, le=240)] = 30.0
    """Pictures per second; one whose time has passed is left out."""
    picture: str = ""
    """Id of the picture; empty for the main one."""
    display: Annotated[str, Field(min_length=1)] | None = None
    """The X display, such as ":0". None: the one that the environment variable DISPLAY names. macOS has
    none."""

    @property
    def x_display(self) -> str | None:
        """The X display that is meant, if any."""
        return self.display or os.environ.get("DISPLAY") or None

    def resources(self, profile: str) -> Resources:
        """A package, and an X server to ask."""
        doubts: tuple[Doubt, ...] = ()
        if sys.platform == "linux" and self.x_display is None:
            doubts = (Doubt("display", NO_DISPLAY),)
        elif sys.platform == "linux" and self.display is None and os.environ.get("WAYLAND_DISPLAY"):
            text = (
                "under Wayland, only the windows of X programs are seen: log in to a session with X for all"
            )
            doubts = (Doubt("display", text),)
        claims = (picture_claim("picture", self.picture),)
        return Resources(claims=claims, packages=(package("type", "mss"),), doubts=doubts)


NO_DISPLAY: Final = (
    'there is no screen to show: set display, such as ":0", or start Beats where the environment variable '
    "DISPLAY is set, as it is in a desktop's terminal"
)
