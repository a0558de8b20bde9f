"""Splits a profile into the part that the parent runs and the part that each worker runs."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings
from beats.runtime.registry import SINKS, SOURCES

RELAY: Final = "workers"
"""Name of the parent's sink that relays the stream, and of each worker's source that receives it."""
_PREFIX: Final = "beats"
_NO_TOKEN: Final = re.compile(r"[^A-Za-z0-9_-]")


class Relay(NamedTuple):
    """How the stream gets from the parent to the workers."""

    server: str
    """The broker's URL."""
    stream: str
    """The stream's name at the broker."""


class Share(NamedTuple):
    """What a worker needs besides the profile."""

    relay: Relay
    ports: Mapping[str, int]
    """The port of each sink, which all workers listen on."""
    workers: int
    """Number of workers."""
    settings: Mapping[str, object]
    """Where the worker reads its settings."""


def served(profile: ProfileSettings) -> dict[str, WebSocketSettings]:
    """The sinks that workers run: those of viewers."""
    return {name: sink for name, sink in profile.sinks.items() if isinstance(sink, WebSocketSettings)}


def stream_name(profile: ProfileSettings, ports: Mapping[str, int]) -> str:
    """The name of the stream at the broker; runs on the same ports use the same, so that none pile up."""
    return "-".join([RELAY, _NO_TOKEN.sub("_", profile.profile), *map(str, ports.values())])


def parent_profile(profile: ProfileSettings, relay: Relay) -> ProfileSettings:
    """The profile with a relay sink in place of the sinks for viewers."""
    others = {name: sink for name, sink in profile.sinks.items() if name not in served(profile)}
    sink: SinkSettings = _settings(SINKS.find("nats").settings, relay)
    return replace(profile, sinks={**others, RELAY: sink})


def worker_profile(profile: ProfileSettings, share: Share) -> ProfileSettings:
    """The sinks for viewers alone, fed by the relay, each with its share of `max_clients`.

    The operating system chooses the worker of a viewer, so one worker may be full before the others.
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
    # A worker ends when the parent tells it to, even if the relay has ended.
    kernel = profile.kernel.model_copy(update={"when_sources_end": "stay", "watch": False})
    return replace(profile, kernel=kernel, sources={RELAY: source}, sinks=sinks)


def _settings(model: Any, relay: Relay) -> Any:
    return model.model_validate(
        {"type": "nats", "servers": (relay.server,), "prefix": _PREFIX, "stream": relay.stream}
    )
