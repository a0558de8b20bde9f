"""The settings that adapters share that connect to another machine, and what their metrics say."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import Field, model_validator

from beats.config.settings import LaneSettings, QueueSettings, Settings
from beats.kit.bounds import queue_bounds

Seconds = Annotated[float, Field(ge=0.01, le=3600)]

LINK_METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "connected": "1 while there is a connection to the other side, else 0.",
        "reconnects_total": "Connections that were made after one was lost.",
    }
)
STREAM_METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        **LINK_METRICS,
        "missed_total": "Envelopes of the stream that did not come, by gaps in their numbers.",
        "repeated_total": "Envelopes that were left out: they, or newer ones, had come before.",
        "dropped_total": "Envelopes that came and were dropped, because this machine's bus was held up.",
        "unreadable_total": "Messages that came and are no envelopes of a stream.",
    }
)
"""The metrics of a source that receives the stream of another Beats."""


class FreshQueueSettings(QueueSettings):
    """A queue that keeps fresh frames rather than all frames."""

    size: Annotated[int, Field(ge=1)] = 1024
    """Largest number of waiting envelopes."""
    frame: LaneSettings | None = LaneSettings(size=8)
    """A lane of their own for frames, so that pictures never crowd out state; 8 are 0.13 s at 60 a second."""


class InboxSettings(FreshQueueSettings):
    """The queue between the network and the bus, which a sink with `block`, or a busy processor, delays."""

    @model_validator(mode="after")
    def _no_back_pressure(self) -> Self:
        if any(strategy.tells_producer for strategy in queue_bounds(self).strategies()):
            raise ValueError(
                "the producer is on another machine, which cannot wait or get an error: use drop_oldest, "
                "drop_newest or latest"
            )
        return self


class ConnectingSettings(Settings):
    """Settings of every outgoing connection."""

    tls_ca: Path | None = None
    """PEM file of the certificates to trust; by default those of the operating system."""
    reconnect_max_s: Seconds = 1.0
    """Longest pause in seconds between attempts to connect. Pauses begin at 0.05 s, double, and are partly
    random."""
    silence_timeout_s: Seconds = 3.0
    """Seconds without an answer after which a connection is closed and opened again; nothing else reveals a
    link that was cut."""
