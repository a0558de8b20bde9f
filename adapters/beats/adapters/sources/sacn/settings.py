"""The settings of the source `sacn`."""

from typing import Annotated, ClassVar

from pydantic import Field

from beats.adapters.led import sacn
from beats.adapters.led.settings import InterfaceAddress
from beats.adapters.led.source_settings import DeskSettings


class SacnSourceSettings(DeskSettings):
    """A lighting desk, or another program, that sends sACN, also called E1.31."""

    protocol: ClassVar[str] = "sACN"
    first_universe: ClassVar[int] = 1
    last_universe: ClassVar[int] = sacn.LAST_UNIVERSE

    port: Annotated[int, Field(ge=0, le=65535)] = sacn.PORT
    """UDP port to listen on; 0: any free one."""
    multicast: bool = True
    """Join the multicast group of each universe. False: only take what is sent to this machine."""
    interface: InterfaceAddress | None = None
    """Address of this machine in the network for multicast. None: the operating system chooses."""
    universe: Annotated[int, Field(ge=1, le=sacn.LAST_UNIVERSE)] = 1
    """Number of the first universe."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)] = 2.5
    """Seconds without a packet after which a sender is lost; 2.5 in the standard."""
    preview: bool = False
    """Also take levels that are marked as a preview, for visualisers."""
