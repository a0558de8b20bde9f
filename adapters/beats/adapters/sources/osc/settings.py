"""The settings of the source `osc`."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from beats.adapters.sources.osc.controls import parse_control
from beats.config.settings import MIB, HostName, SourceSettings
from beats.kernel.resources import Doubt, Port, Resources
from beats.kit.addresses import is_wildcard
from beats.kit.connecting import InboxSettings
from beats.kit.controls import EMOJIS
from beats.kit.id_template import IdTemplateText, TagText

MAX_DATAGRAM_BYTES: Final = 65_507
"""Most that a UDP datagram over IPv4 holds: 65,535 without the headers of IP (20) and UDP (8)."""


def _checked(controls: Mapping[str, str]) -> Mapping[str, str]:
    for address, text in controls.items():
        parse_control(address, text)
    return controls


class OscSettings(SourceSettings):
    """A UDP port for Open Sound Control."""

    host: HostName = "127.0.0.1"
    """Address to listen on: that of this machine in the network of the senders, `0.0.0.0` for all of IPv4, or
    `::` for all. By default only programs on this machine can send."""
    port: Annotated[int, Field(ge=0, le=65535)] = 9000
    """UDP port; 0 takes a free one, which the log names."""
    id: IdTemplateText = "{address}"
    """Template of a peripheral's id: `{address}` is the address without its first slash, `{2}` its second
    level, `{-1}` its last, `{2+}` the second and all that follow."""
    tags: tuple[TagText, ...] = ("osc",)
    """Tags of all updates, each NAME or NAME:VARIANT."""
    controls: Annotated[Mapping[str, str], AfterValidator(_checked)] = Field(default_factory=dict[str, str])
    """Addresses that are commands, each with the name of its command: "/beats/browse" = "browse". Arguments
    are the fields of the command, in the order of the protocol; for commands of other sources and sinks, name
    them: "/dim" = "dim level"."""
    emojis: tuple[str, ...] = EMOJIS
    """What `emoji_update` may name."""
    time_tag_tolerance_s: Annotated[float, Field(ge=0, le=3600)] = 10.0
    """How far the time tag of a bundle may be from this machine's clock. An earlier one is the capture time;
    a later one is waited for. With a larger difference, the bundle counts as captured when it came."""
    max_datagram_bytes: Annotated[int, Field(ge=16, le=MAX_DATAGRAM_BYTES)] = MAX_DATAGRAM_BYTES
    """Largest datagram in bytes; larger ones are counted and left out."""
    receive_buffer_bytes: Annotated[int, Field(ge=4096, le=64 * MIB)] = MIB
    """What the operating system may hold of datagrams that were not read yet; it may allow less
    (`net.core.rmem_max`)."""
    queue: InboxSettings = InboxSettings()
    """The queue between the network and the bus, for when the bus is delayed."""

    def resources(self, profile: str) -> Resources:
        """The port of the source, and a warning if everyone in the network may send commands."""
        doubts: tuple[Doubt, ...] = ()
        if self.controls and is_wildcard(self.host):
            text = f"anyone who can reach UDP port {self.port} can send these commands: OSC has no passwords"
            doubts = (Doubt("controls", text),)
        return Resources(ports=(Port("port", self.host, self.port, protocol="udp"),), doubts=doubts)
