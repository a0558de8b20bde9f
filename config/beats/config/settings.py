"""The typed settings that every profile has; each adapter subclasses them to add its own."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from beats.kernel.queue.overflow import OVERFLOWS

if TYPE_CHECKING:
    OverflowName = str
else:  # as the kernel has them: a new strategy is a new file there, and nothing here
    OverflowName = Literal[tuple(OVERFLOWS)]
LogFormat = Literal["human", "json"]
MIB = 1024 * 1024


def _fold(value: object) -> object:
    """Ignore letter case and surrounding blanks in the name of a strategy."""
    return value.strip().lower() if isinstance(value, str) else value


Overflow = Annotated[OverflowName, BeforeValidator(_fold)]


def _checked_host(host: str) -> str:
    if any(character.isspace() or character in "/@[]" for character in host):
        raise ValueError("must be a name or an address alone, such as example.org, 10.0.0.5 or fe80::1")
    if host.count(":") == 1:
        raise ValueError("must be a name or an address alone: give the port as `port`")
    return host


HostName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1), AfterValidator(_checked_host)
]
"""The name or address of a machine; blanks around it are removed."""


class Settings(BaseModel):
    """Frozen and strict; refuses unknown keys. The string below a field is its help text."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,  # TOML can write `inf`; no rate, size or time may be infinite
    )


class LaneSettings(Settings):
    """How the lane of one kind differs from its queue; None takes the queue's value."""

    size: Annotated[int, Field(ge=1)] | None = None
    """Largest number of waiting envelopes."""
    max_bytes: Annotated[int, Field(ge=1)] | None = None
    """Largest number of waiting bytes."""
    overflow: Overflow | None = None
    """What happens when a bound is reached."""
    block_timeout_s: Annotated[float, Field(gt=0, le=3600)] | None = None
    """Longest time in seconds that `block` makes a producer wait."""


class QueueSettings(Settings):
    """The bounded queue between the bus and a sink."""

    size: Annotated[int, Field(ge=1)] = 256
    """Largest number of waiting envelopes."""
    max_bytes: Annotated[int, Field(ge=1)] = 64 * MIB
    """Largest number of waiting bytes; an envelope larger than this is refused."""
    overflow: Overflow = "drop_oldest"
    """What happens when a bound is reached: the name of an overflow strategy."""
    block_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Longest time in seconds that `block` makes a producer wait."""
    frame: LaneSettings | None = None
    """A separate lane for frames, so that pictures never crowd out peripheral updates."""
    peripheral: LaneSettings | None = None
    """A separate lane for peripheral updates."""


class SinkSettings(Settings):
    """Settings of every sink."""

    type: str
    """Type of the sink; `beats adapters` lists all types."""
    enabled: bool = True
    """False switches the sink off."""
    required: bool = True
    """False lets everything else start when this sink cannot, such as when its port is in use; the sink is
    then retried with growing pauses, as after any failure."""
    queue: QueueSettings = QueueSettings()
    """The queue between the bus and this sink."""


_UNITS_S: Final = {"ms": 0.001, "s": 1.0, "min": 60.0, "h": 3600.0}


def seconds_of(duration: str) -> float:
    """A duration such as `100ms`, `2.5s`, `1min` or `1h` in seconds.

    Raises:
        ValueError: the text is not a duration, or is longer than a day.
    """
    found = re.fullmatch(r"(\d{1,9}(?:\.\d{1,9})?) ?(ms|s|min|h)", duration.strip())
    seconds = float(found[1]) * _UNITS_S[found[2]] if found else 0.0
    if not 0 < seconds <= 86_400:
        raise ValueError('must be a duration such as "100ms", "2.5s" or "1min", up to a day')
    return seconds


def _checked_duration(text: str) -> str:
    seconds_of(text)
    return text


Duration = Annotated[str, AfterValidator(_checked_duration)]
"""A text with a unit; see `seconds_of`."""
Side = Annotated[int, Field(ge=1, le=8192)]
Offset = Annotated[int, Field(ge=0, le=8191)]


def _checked_template(text: str) -> str:
    if not text.strip(" /") or set("{}") & set(text.replace("{id}", "")):
        raise ValueError('must be an id, in which {id} stands for the present one, such as "room/{id}"')
    return text


class TagSettings(Settings):
    """A tag of a peripheral."""

    name: Annotated[str, Field(min_length=1)]
    """The name, such as input."""
    variant: str = ""
    """The variant, such as rotary."""
    metadata: Mapping[str, str] = {}
    """Further texts by name."""


class LocationSettings(Settings):
    """Where a peripheral is, in the units of the installation."""

    x: float = 0.0
    """Distance to the right."""
    y: float = 0.0
    """Distance to the front."""
    z: float = 0.0
    """Up."""


class TransformSettings(Settings):
    """What happens to everything that a source publishes, in the order of these settings."""

    rename: Annotated[str, AfterValidator(_checked_template)] | None = None
    """Another id for pictures and peripherals, in which {id} stands for the present one: "room/{id}"."""
    tags: Annotated[tuple[Annotated[str, Field(min_length=1)] | TagSettings, ...], Field(strict=False)] = ()
    """More tags for peripherals: names, or tables with name, variant and metadata."""
    location: LocationSettings | None = None
    """Where the source's peripherals are, in place of the location that they state."""
    every: Duration | None = None
    """The least time between two values of a peripheral or picture, such as "100ms". The newest is never
    lost: it comes when the time is over."""
    crop: Annotated[tuple[Offset, Offset, Side, Side], Field(strict=False)] | None = None
    """[x, y, width, height] in pixels from the top left: the part of pictures that is shown."""
    rotate: Literal[0, 90, 180, 270] = 0
    """Degrees by which pictures are turned, clockwise."""
    scale: Annotated[tuple[Side, Side], Field(strict=False)] | None = None
    """[width, height] in pixels to bring pictures to."""
    on_change: bool = False
    """Leave out what is the same as the value before."""


class SourceSettings(Settings):
    """Settings of every source."""

    type: str
    """Type of the source; `beats adapters` lists all types."""
    enabled: bool = True
    """False switches the source off."""
    transforms: TransformSettings = TransformSettings()
    """Changes of what the source publishes."""


class KernelSettings(Settings):
    """How the kernel runs sources and sinks."""

    shutdown_timeout_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds that sinks have at shutdown to deliver what is left in their queues."""
    restart_initial_s: Annotated[float, Field(gt=0, le=3600)] = 0.5
    """Seconds before a failed source or sink is first restarted; doubles with each failure."""
    restart_max_s: Annotated[float, Field(gt=0, le=86400)] = 30.0
    """Longest time in seconds between restarts; a run that lasts longer resets the doubling."""
    max_topics: Annotated[int, Field(ge=1)] = 10_000
    """Largest number of topics; messages for more are refused, so that stray ids cannot fill memory."""
    when_sources_end: Literal["stop", "stay"] = "stop"
    """What `beats run` does when every source has ended: stop, or keep serving until it is stopped."""
    event_loop: Literal["auto", "asyncio", "uvloop"] = "auto"
    """The event loop of `beats run` and `Stream.open`: asyncio, uvloop (the extra `fast`), or auto for
    uvloop where it is installed. A change takes effect at the next start."""
    watch: bool = False
    """Reload the settings when one of their files changes. Without it, `beats reload` or, where there is no
    terminal, SIGHUP reloads them."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level of the log lines that are shown."""
    log_format: LogFormat = "human"
    """Format of the log on standard error: human, or json with one object per line for log collectors."""


class PixelSettings(Settings):
    """How pixels become pictures: those of `publish_pixels`, and of sources such as `images` and `video`."""

    format: Literal["png", "jpeg", "webp"] = "png"
    """What pixels are encoded as. png keeps every pixel, and every viewer can show it; jpeg and webp take a
    tenth of the bytes or less, and are encoded again as PNG for viewers that ask for nothing."""
    quality: Annotated[int, Field(ge=1, le=100)] = 85
    """Quality of jpeg and webp, from 1 to 100."""
    workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Number of threads that encode. None: one less than there are processor cores, and at least 1."""
    overflow: Literal["latest", "block"] = "latest"
    """What happens when pixels come faster than they are encoded. latest: the newest of each picture waits,
    and older ones are given up and counted. block: the producer waits, so that none is missing."""
    max_pixels: Annotated[int, Field(ge=1, le=89_478_485)] = 1 << 26
    """Most pixels of a picture that is published, encoded or not; 67,108,864 are 8,192 x 8,192."""


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """All settings of a run, checked and frozen."""

    profile: str
    """The profile's name."""
    kernel: KernelSettings
    sources: Mapping[str, SourceSettings]
    """The enabled sources by name, in the order of the files."""
    sinks: Mapping[str, SinkSettings]
    """The enabled sinks by name, in the order of the files."""
    warnings: tuple[str, ...] = ()
    """Harmless oddities, such as an unknown BEATS_… variable."""
    pixels: PixelSettings = field(default_factory=PixelSettings)
