"""The settings of the sink `websocket`."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from beats.adapters.http.origins import as_ancestor
from beats.adapters.http.query import MAX_AGE_S
from beats.adapters.http.settings import Seconds, ServerSettings
from beats.config.settings import QueueSettings
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.resources import Port, Resources
from beats.kit.bounds import queue_bounds
from beats.kit.controls import EMOJIS
from beats.kit.secrets import Secret, check_places

ADJUSTABLE: Final = frozenset(
    {
        "burst_interval_s",
        "client_queue",
        "control_token",
        "control_token_file",
        "emojis",
        "frame_ancestors",
        "max_age_s",
        "max_clients",
        "max_clients_per_address",
        "max_messages_per_s",
        "max_variants",
        "origins",
        "stall_timeout_s",
        "token",
        "token_file",
        "transcode_workers",
    }
)
"""What can change while the server runs. Connected viewers stay; `client_queue`, `max_age_s` and
`stall_timeout_s` hold for them at once, tokens and all other limits for new ones."""


def _without_block(queue: QueueSettings | None) -> QueueSettings | None:
    strategies = [] if queue is None else queue_bounds(queue).strategies()
    for strategy in (each for each in strategies if each.waits):
        raise ValueError(
            f"cannot use overflow {strategy.name!r}: it would let one viewer stall the others; use "
            "drop_oldest, drop_newest, latest or error"
        )
    return queue


class WebSocketSettings(ServerSettings):
    """A WebSocket server."""

    purpose: ClassVar[str] = "watch"
    files: ClassVar[tuple[str, ...]] = ("token_file", "control_token_file", "tls_cert", "tls_key")

    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """Port to listen on; 0 takes a free one and reports it."""
    reuse_port: bool = False
    """Let several processes listen on one port and share its viewers (SO_REUSEPORT)."""

    client_queue: Annotated[QueueSettings | None, AfterValidator(_without_block)] = None
    """The queue of a viewer that does not keep up; by default as the sink's own, `block` taken as
    `drop_oldest`. With `error`, a viewer whose queue is full is closed with code 1013."""
    max_age_s: Annotated[float, Field(gt=0, le=MAX_AGE_S)] | None = None
    """Seconds from the bus on after which an envelope is dropped rather than sent to a viewer, if a newer one
    of its topic waits for that viewer. Its way to the viewer does not count. A viewer may ask for another.
    By default none is too old."""
    burst_interval_s: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Least time in seconds between two writes when envelopes come faster than that; those that come in
    between are written together. 0 writes as often as possible."""
    send_buffer_bytes: Annotated[int, Field(ge=4096)] | None = None
    """Size of the operating system's buffer for each viewer (SO_SNDBUF); by default its own choice."""

    control_token: Secret | None = None
    """What a viewer must present to steer; it may watch too. By default everyone who may watch may steer."""
    control_token_file: Path | None = None
    """A file that holds it, in place of `control_token`."""

    max_message_bytes: Annotated[int, Field(ge=1024)] = 2 * 1024 * 1024
    """Largest message from a viewer; an `image_update` holds up to 2,000,000 characters."""
    max_messages_per_s: Annotated[float, Field(ge=1)] = 100.0
    """Most messages a second from a viewer, twice as many in a burst; more closes it with code 1008. Each
    fragment, ping and pong is one."""
    ping_interval_s: Seconds = 20.0
    """Seconds between the pings that tell whether a quiet viewer is still there."""
    ping_timeout_s: Seconds = 20.0
    """Seconds that a viewer has to answer a ping."""

    frame_ancestors: tuple[Annotated[str, AfterValidator(as_ancestor)], ...] = ()
    """Web pages that may embed the page of this server in a frame, by their origin, such as
    `https://home.example:8123`; `*` for all. By default none may."""
    emojis: tuple[str, ...] = EMOJIS
    """What `emoji_update` may name."""

    @model_validator(mode="after")
    def _one_place_for_the_token(self) -> Self:
        check_places(self, "control_token")
        return self

    def resources(self, profile: str) -> Resources:
        """The port of the server, and the files that the settings name."""
        return replace(
            super().resources(profile),
            ports=(Port("port", self.host, self.port, self.reuse_port),),
        )

    def client_bounds(self) -> QueueBounds:
        """The bounds of a viewer's queue, with `drop_oldest` in place of a strategy that waits."""
        return queue_bounds(self.client_queue or self.queue).without_waiting("drop_oldest")
