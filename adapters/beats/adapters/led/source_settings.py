"""The settings that every source of universes has."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import Field, model_validator

from beats.adapters.led.patch import PatchSettings
from beats.adapters.led.universes import CutSettings
from beats.config.settings import HostName, SourceSettings
from beats.kernel.resources import Port, Resources, picture_claim

METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "live_universes": "Universes whose levels come from some sender.",
        "packets_total": "UDP packets that came.",
        "frames_total": "Complete pictures of all universes.",
        "unreadable_total": "UDP packets that are not of this protocol, or damaged.",
        "late_total": "Packets that were left out because a newer one of their sender had come before.",
        "other_sender_total": "Packets that were left out because another sender has precedence.",
        "other_universe_total": "Packets that were left out because their universe is not wanted here.",
    }
)


class DeskSettings(CutSettings, SourceSettings):
    """Settings of a source that receives levels from a lighting desk or another program."""

    first_universe: ClassVar[int] = 0
    """The lowest number that the protocol has."""

    host: HostName = "0.0.0.0"
    """Name or address of this machine to listen on. 0.0.0.0: all of its IPv4 addresses, which broadcast and
    multicast need."""
    port: Annotated[int, Field(ge=0, le=65535)]
    """UDP port to listen on; 0: any free one."""
    picture: str = ""
    """Id of the picture that the universes are published as; empty: the main one."""
    fps: Annotated[float, Field(ge=1, le=240)] = 60.0
    """Most frames a second; of a faster sender, the newest frame is published at this rate."""
    # No Mapping: pydantic 2.11.0 leaves its values as they are given.
    peripherals: dict[Annotated[str, Field(min_length=1)], PatchSettings] = Field(default_factory=dict)
    """Channels that are published as peripherals, by id: { dimmer = { channel = 5 } }."""
    on_loss: Literal["hold", "black"] = "hold"
    """What happens when a universe is lost: hold (it stays as it was) or black (its channels become 0)."""
    timeout_s: Annotated[float, Field(gt=0, le=3600)]
    """Seconds without a packet after which a sender is lost."""

    @property
    def wanted(self) -> frozenset[int]:
        """The universes of picture and peripherals."""
        patched = (
            self.universe if each.universe is None else each.universe for each in self.peripherals.values()
        )
        return frozenset([*self.numbers, *patched])

    def resources(self, profile: str) -> Resources:
        """The UDP port."""
        ports = (Port("port", self.host, self.port, protocol="udp"),)
        claims = () if self.size is None else (picture_claim("picture", self.picture),)
        return Resources(ports=ports, claims=claims, connections=1)

    @model_validator(mode="after")
    def _it_shows_something(self) -> Self:
        if self.size is None and not self.peripherals:
            raise ValueError("give size for a picture, peripherals for single channels, or both")
        for id_, each in self.peripherals.items():
            if each.universe is not None and not self.first_universe <= each.universe <= self.last_universe:
                raise ValueError(
                    f"peripherals.{id_}.universe is {each.universe}; {self.protocol} has "
                    f"{self.first_universe} to {self.last_universe}"
                )
        return self
