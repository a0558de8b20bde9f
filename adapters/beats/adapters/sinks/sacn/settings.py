"""The settings of the sink `sacn`."""

from dataclasses import replace
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from beats.adapters.led import sacn
from beats.adapters.led.settings import Hosts, InterfaceAddress
from beats.adapters.led.universes import UniversesSettings
from beats.kernel.resources import Claim, Resources

_NAME_BYTES: Final = 63


def _checked_name(name: str) -> str:
    if len(name.encode()) > _NAME_BYTES or "\0" in name:
        raise ValueError(f"a source name has at most {_NAME_BYTES} bytes of UTF-8 and no null character")
    return name


class SacnSettings(UniversesSettings):
    """An LED wall behind receivers of sACN, also called E1.31; their port is 5568."""

    default_port: ClassVar[int] = sacn.PORT
    protocol: ClassVar[str] = "sACN"
    last_universe: ClassVar[int] = sacn.LAST_UNIVERSE

    host: Hosts = ()
    """Name or address of the receiver, with a port if it is not 5568 (HOST:PORT). Or an array of several,
    each of which gets all pixels. An empty one: multicast, each universe to its own address."""
    interface: InterfaceAddress | None = None
    """Address of this machine in the network for multicast. None: the operating system chooses."""
    universe: Annotated[int, Field(ge=1, le=sacn.LAST_UNIVERSE)] = 1
    """Number of the first universe."""
    priority: Annotated[int, Field(ge=0, le=200)] = 100
    """Of several sources, receivers take the one with the highest priority."""
    source_name: Annotated[str, AfterValidator(_checked_name)] = "Beats"
    """What receivers show as the name of this source."""
    sync_universe: Annotated[int, Field(ge=0, le=sacn.LAST_UNIVERSE)] = 0
    """Universe of the synchronisation packets that have receivers show all universes of a frame at once; 0:
    none, for receivers that cannot."""

    def resources(self, profile: str) -> Resources:
        """What every wall needs; without a host also its multicast universes."""
        needed = super().resources(profile)
        if self.host:
            return needed
        return replace(needed, claims=(self.claim("multicast"), *needed.claims))

    def claim(self, host: str) -> Claim:
        """Receivers choose between sources of different priority."""
        claim = super().claim(host)
        return claim._replace(what=f"{claim.what} at priority {self.priority}")

    @property
    def place(self) -> tuple[object, ...]:
        """What identifies the wall's place: that of every wall with universes, and the network."""
        return *super().place, self.interface
