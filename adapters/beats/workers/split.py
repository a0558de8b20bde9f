"""A profile in two: what the parent runs, and what each worker does."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings
from beats.runtime.registry import SINKS, SOURCES

RELAY: Final = "workers"
"""The parent's sink that passes the stream on, and each worker's source that gets it."""
_PREFIX: Final = "beats"
_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9_-]")


class Relay(NamedTuple):
    """Where the stream goes from the parent to the workers."""

    server: str
    """The broker's URL."""
    stream: str
    """The stream's name at the broker."""


class Share(NamedTuple):
    """What one worker is told besides the profile."""

    relay: Relay
    ports: Mapping[str, int]
    """By sink, the port that all workers listen on."""
    workers: int
    """How many there are."""
    settings: Mapping[str, object]
    """What tells it where to read its settings."""


def served(profile: ProfileSettings) -> dict[str, WebSocketSettings]:
    """The sinks that workers run: those with viewers."""
    return {name: sink for name, sink in profile.sinks.items() if isinstance(sink, WebSocketSettings)}


def stream_name(profile: ProfileSettings, ports: Mapping[str, int]) -> str:
    """A name for the stream at the broker: the same for each run on these ports, so that nothing piles up."""
    return "-".join([RELAY, _NO_TOKEN.sub("_", profile.profile), *map(str, ports.values())])


def parent_profile(profile: ProfileSettings, relay: Relay) -> ProfileSettings:
    """The profile without its viewers, and with a relay in their place."""
    others = {name: sink for name, sink in profile.sinks.items() if name not in served(profile)}
    sink: SinkSettings = _settings(SINKS.find("nats").settings, relay)
    return replace(profile, sinks={**others, RELAY: sink})


def worker_profile(profile: ProfileSettings, share: Share) -> ProfileSettings:
    """The viewers' sinks alone, fed by the relay, with this worker's share of the places.

    Which worker a viewer comes to is the operating system's choice, so that one may be full a little
    before all are.
    """
    source: SourceSettings = _settings(SOURCES.find("nats").settings, share.relay)
    sinks: dict[str, SinkSettings] = {}
    for name, sink in served(profile).items():
        changes: dict[str, object] = {
            "port": share.ports.get(name, sink.port),
            "reuse_port": True,
            "max_clients": math.ceil(sink.max_clients / share.workers),
            "max_clients_per_address": math.ceil(sink.max_clients_per_address / share.workers),
        }
        sinks[name] = sink.model_copy(update=changes)
    # It ends when it is told to, whatever becomes of the relay.
    kernel = profile.kernel.model_copy(update={"when_sources_end": "stay", "watch": False})
    return replace(profile, kernel=kernel, sources={RELAY: source}, sinks=sinks)


def _settings(model: Any, relay: Relay) -> Any:
    return model.model_validate(
        {"type": "nats", "servers": (relay.server,), "prefix": _PREFIX, "stream": relay.stream}
    )
