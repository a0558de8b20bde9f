"""The settings of the source `demo`."""

from typing import Annotated

from pydantic import Field

from beats.config.settings import SourceSettings
from beats.kernel.resources import Resources, picture_claim


class DemoSettings(SourceSettings):
    """A moving picture with a knob, an accelerometer and a button; nothing is needed to run it."""

    fps: Annotated[float, Field(ge=0.1, le=240)] = 30.0
    """Pictures per second; 30 looks smooth and costs little."""
    width: Annotated[int, Field(ge=8, le=512)] = 64
    """Width in pixels; 64 is a common LED panel."""
    height: Annotated[int, Field(ge=8, le=512)] = 64
    """Height in pixels; 64 is a common LED panel."""
    seed: int = 0
    """Picks the colours, the paths and the signals; the same seed gives the same show."""

    def resources(self, profile: str) -> Resources:
        """The source needs nothing; it claims its picture."""
        return Resources(claims=(picture_claim("type"),))
