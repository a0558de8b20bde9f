"""The settings of the source `artnet`."""

from typing import Annotated, ClassVar

from pydantic import Field

from beats.adapters.led import artnet
from beats.adapters.led.source_settings import DeskSettings


class ArtNetSourceSettings(DeskSettings):
    """A lighting desk, or another program, that sends Art-Net."""

    protocol: ClassVar[str] = "Art-Net"
    last_universe: ClassVar[int] = artnet.LAST_UNIVERSE

    # A frozen field may be narrowed, which pyright cannot see.
    port: Annotated[int, Field(ge=0, le=65535)] = artnet.PORT
    """UDP port to listen on; 0: any free one."""
    universe: Annotated[int, Field(ge=0, le=artnet.LAST_UNIVERSE)] = 0
    """Number of the first universe: net * 256 + subnet * 16 + universe, counted from 0."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 10.0
    """Seconds without a packet after which a sender is lost; some repeat unchanged levels only every 4 s."""
    poll_reply: bool = True
    """Answer the ArtPoll of desks, so that they find this source and send to it."""
