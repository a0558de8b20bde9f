"""The settings that sinks for LED walls have, and those of them that sources of such walls have too."""

import ipaddress
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from beats.adapters.led.hosts import HostPort
from beats.config.settings import Overflow, QueueSettings, Settings, SinkSettings
from beats.kernel.capabilities import authority
from beats.kernel.resources import Claim, Resources, Server

ADJUSTABLE: Final = frozenset({"brightness", "fps", "gamma", "keepalive_s", "on_end", "pace"})
"""What can change while a wall is lit."""
METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "frames_total": "Frames that were shown; each host gets its part of them.",
        "repeats_total": "Times that the last frame was sent again because no newer one came (keepalive_s).",
        "packets_total": "UDP packets that were sent.",
        "send_errors_total": "UDP packets that could not be sent.",
        "hosts": "Controllers that the wall has.",
        "hosts_failing": "Controllers that were not found, or to which something could not be sent lately.",
        "undecodable_total": "Frames that cannot be shown, such as damaged pictures.",
    }
)

Side = Annotated[int, Field(ge=1, le=4096)]
Corner = Literal["top_left", "top_right", "bottom_left", "bottom_right"]
Direction = Literal["horizontal", "vertical"]
Rotation = Literal[0, 90, 180, 270]


def _checked_order(order: str) -> str:
    if sorted(order) not in (sorted("rgb"), sorted("rgbw")):
        raise ValueError("give each of the letters r, g and b once, and w if there are white LEDs: grb, rgbw")
    return order


def _checked_host(host: str) -> str:
    HostPort.of(host, 1)
    return host


def _in_an_array(value: object) -> object:
    return (value,) if isinstance(value, str) else value


def _not_empty(hosts: tuple[str, ...]) -> tuple[str, ...]:
    if not hosts:
        raise ValueError("give the name or address of at least one controller")
    return hosts


_TEXT: Final = {"type": "string"}
Hosts = Annotated[
    tuple[Annotated[str, AfterValidator(_checked_host)], ...],
    Field(strict=False),
    BeforeValidator(_in_an_array),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}),
]
"""Names or addresses, each with or without a port; one may stand without an array."""


def _checked_interface(address: str) -> str:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise ValueError(
            f"{address!r} is not an IPv4 address of this machine, such as 192.168.1.10"
        ) from None
    return address


InterfaceAddress = Annotated[str, AfterValidator(_checked_interface)]
"""The address of this machine in a network."""


class ScanSettings(Settings):
    """The order in which the wire passes the pixels or panels of a rectangle."""

    start: Corner = "top_left"
    """The corner that comes first, seen from the front."""
    direction: Direction = "horizontal"
    """Whether the second one is beside the first (horizontal), or above or below it (vertical)."""
    serpentine: bool = False
    """Whether every second row (or column) runs backwards, as when the wire turns at its end."""


class LayoutSettings(ScanSettings):
    """How a wall is wired. The settings above are about the LEDs of each panel, before it is rotated."""

    rows: Annotated[int, Field(ge=1)] = 1
    """Number of panels above one another."""
    columns: Annotated[int, Field(ge=1)] = 1
    """Number of panels side by side."""
    rotation: Rotation | tuple[Rotation, ...] = 0
    """By how many degrees the panels are mounted clockwise: one number for all, or one for each panel in the
    order of the chain."""
    chain: ScanSettings = ScanSettings()
    """The order in which the panels are connected."""


Size = Annotated[tuple[Side, Side], Field(strict=False)]
"""Width and height in pixels."""


def check_panels(key: str, layout: LayoutSettings, size: tuple[int, int]) -> None:
    """Check that a size can be cut into the panels of a layout, which is the setting of this name.

    Raises:
        ValueError: it cannot; says which side.
    """
    numbers = (layout.columns, layout.rows)
    for side, word, number in zip(size, ("columns", "rows"), numbers, strict=True):
        if side % number:
            raise ValueError(
                f"size is {list(size)}, and {key}.{word} is {number}: {side} pixels cannot be cut into "
                f"{number} panels of the same size"
            )
    panels = layout.rows * layout.columns
    if isinstance(layout.rotation, tuple) and len(layout.rotation) != panels:
        raise ValueError(
            f"{key}.rotation has {len(layout.rotation)} numbers for {panels} panels: give one for each, or "
            "one for all"
        )


class WiringSettings(Settings):
    """How pixels become the bytes along a wire."""

    size: Size | None = None
    """[width, height] in pixels. None: no picture."""
    layout: LayoutSettings = LayoutSettings()
    """How the pixels are wired."""
    color_order: Annotated[str, AfterValidator(_checked_order)] = "rgb"
    """The order of the colours of a pixel, such as grb; with a w, the common part of red, green and blue is
    shown by the white LED."""
    gamma: Annotated[float, Field(ge=0.1, le=5)] = 1.0
    """Exponent from a picture's values to light. LEDs need about 2.2; 1 when the controller corrects it."""
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    """Number of pixels at the controller before the first one of this wall."""

    @property
    def channels(self) -> int:
        """Bytes per pixel."""
        return len(self.color_order)

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self.size[0] * self.size[1] if self.size else 0

    @model_validator(mode="after")
    def _panels_fit(self) -> Self:
        if self.size is not None:
            check_panels("layout", self.layout, self.size)
        return self


class FreshestSettings(QueueSettings):
    """The queue of a sink that shows the newest picture only."""

    overflow: Overflow = "latest"
    """What happens when a bound is reached; `latest` keeps the newest picture."""


class LedSettings(WiringSettings, SinkSettings):
    """An LED wall."""

    default_port: ClassVar[int]
    """The UDP port of the protocol."""

    host: Annotated[Hosts, AfterValidator(_not_empty)]
    """Name or address of the controller, with a port if it is not the protocol's own (HOST:PORT). Or an array
    of several, each of which gets all pixels."""
    # A frozen field may be narrowed, which pyright cannot see.
    size: Size  # pyright: ignore[reportIncompatibleVariableOverride, reportGeneralTypeIssues]
    """[width, height] of the wall in pixels."""
    picture: str = ""
    """Id of the picture to show; empty: the main one."""
    fps: Annotated[float, Field(ge=1, le=240)] = 40.0
    """Most frames a second; a faster picture is shown at this rate, always its newest frame."""
    fit: Literal["box", "nearest", "letterbox"] = "box"
    """How a picture of another size is brought to that of the wall: box (the mean of what a pixel covers),
    nearest (hard edges), letterbox (as box, but keeps the proportions, with black bars)."""
    brightness: Annotated[float, Field(ge=0, le=1)] = 1.0
    """Share of full light."""
    pace: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the time between two frames over which the packets of a frame are spread, for controllers
    that lose packets of a burst; 0: all at once."""
    keepalive_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """Seconds without a new frame after which the last one is sent again: many controllers go dark after
    2.5 s without data. 0: never."""
    on_end: Literal["black", "hold", "off"] = "black"
    """What happens at the end: black (all pixels go dark), hold (nothing more is sent), off (where the
    protocol can tell so, the controllers are told that the stream has ended)."""
    preview: Annotated[str, Field(min_length=1)] | None = None
    """Publish what the wall shows as a picture of this id, so that the page shows it; at most ten times a
    second. None: no preview."""
    preview_layout: LayoutSettings | None = None
    """How the wall of the preview is wired; None: as `layout` says. Another one shows what becomes of the
    picture on a wall that is wired so: when the preview looks as wrong as the wall, it is the wall's."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: FreshestSettings = FreshestSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""

    def resources(self, profile: str) -> Resources:
        """The controllers; they may be switched on later."""
        servers = tuple(Server("host", *place, "udp") for place in self.places)
        claims = [self.claim(authority(*place)) for place in dict.fromkeys(self.places)]
        if self.preview is not None:
            claims.append(Claim("preview", f"the picture {self.preview!r}"))
        return Resources(claims=tuple(claims), servers=servers, connections=max(1, len(servers)))

    @property
    def places(self) -> list[HostPort]:
        """The hosts with their ports."""
        return [HostPort.of(host.lower(), self.default_port) for host in self.host]

    def claim(self, host: str) -> Claim:
        """The claim to a part of a controller, which no other wall may have."""
        first = self.offset * self.channels
        return Claim("offset", f"the bytes of {host}", range(first, first + self.pixels * self.channels))

    @property
    def place(self) -> tuple[object, ...]:
        """Identifies the LEDs that are lit. A successor with the same place sets all of them."""
        return self.type, self.host, self.offset * self.channels, self.pixels * self.channels

    @model_validator(mode="after")
    def _panels_of_the_preview_fit(self) -> Self:
        if self.preview_layout is not None:
            check_panels("preview_layout", self.preview_layout, self.size)
        return self

    @model_validator(mode="after")
    def _preview_is_another_picture(self) -> Self:
        if self.preview is not None and self.preview == self.picture:
            raise ValueError(f"preview and picture are both {self.preview!r}: the wall would show itself")
        if self.preview is None and self.preview_layout is not None:
            raise ValueError("preview_layout needs preview: give the id of the picture to publish")
        return self
