"""The typed settings that every profile has; each adapter adds its own by subclassing."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

OverflowName = Literal["drop_oldest", "drop_newest", "error", "latest", "block"]
LogFormat = Literal["human", "json"]
MIB = 1024 * 1024


def _fold(value: object) -> object:
    """Letter case and surrounding blanks do not matter in the name of a strategy."""
    return value.strip().lower() if isinstance(value, str) else value


Overflow = Annotated[OverflowName, BeforeValidator(_fold)]
HostName = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
"""A name or address of a machine; blanks around it do not matter."""


class Settings(BaseModel):
    """Frozen, strict, and without unknown keys; the text under a field is its help."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,  # TOML can write `inf`; no rate, size or time may be that
    )


class LaneSettings(Settings):
    """What one kind's lane of a queue does differently from the queue; None takes the queue's value."""

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
    """What happens when a bound is reached: drop_oldest, drop_newest, error, latest or block."""
    block_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Longest time in seconds that `block` makes a producer wait."""
    frame: LaneSettings | None = None
    """A lane of their own for frames, so that pictures never crowd out state."""
    peripheral: LaneSettings | None = None
    """A lane of their own for peripheral updates."""


class SinkSettings(Settings):
    """What every sink has."""

    type: str
    """Which sink this is; `beats adapters` lists them."""
    enabled: bool = True
    """False switches the sink off, in whichever layer it stands."""
    required: bool = True
    """False lets everything else start when this sink cannot, such as when its port is in use; it is then
    tried again with growing pauses, as after any failure."""
    queue: QueueSettings = QueueSettings()
    """The queue between the bus and this sink."""


class SourceSettings(Settings):
    """What every source has."""

    type: str
    """Which source this is; `beats adapters` lists them."""
    enabled: bool = True
    """False switches the source off, in whichever layer it stands."""


class KernelSettings(Settings):
    """How the kernel runs sources and sinks."""

    shutdown_timeout_s: Annotated[float, Field(ge=0, le=3600)] = 5.0
    """Seconds that sinks have, at the end, to deliver what waits in their queues."""
    restart_initial_s: Annotated[float, Field(gt=0, le=3600)] = 0.5
    """Seconds until a failed source or sink is first restarted; doubles with each failure."""
    restart_max_s: Annotated[float, Field(gt=0, le=86400)] = 30.0
    """Longest time in seconds between restarts; a run that lasted longer starts the doubling anew."""
    max_topics: Annotated[int, Field(ge=1)] = 10_000
    """Largest number of topics; a message for one more is refused, so that stray ids cannot fill memory."""
    when_sources_end: Literal["stop", "stay"] = "stop"
    """What `beats run` does when every source has ended: stop, or go on serving until it is told to stop."""
    watch: bool = False
    """Read the settings again when one of their files changes, and apply what differs; else on `beats reload`
    or, where there is no terminal, on SIGHUP."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Least level of the log lines that are shown."""
    log_format: LogFormat = "human"
    """For whom the log is, on standard error: human, or json with one object a line for log collectors."""


@dataclass(frozen=True, slots=True)
class ProfileSettings:
    """Everything that a run needs to know, checked and frozen."""

    profile: str
    """The profile's name."""
    kernel: KernelSettings
    sources: Mapping[str, SourceSettings]
    """The enabled sources by name, in the order of the files."""
    sinks: Mapping[str, SinkSettings]
    """The enabled sinks by name, in the order of the files."""
    warnings: tuple[str, ...] = ()
    """What is odd but harmless, such as an unknown BEATS_… variable."""
