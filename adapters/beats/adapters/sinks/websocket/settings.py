"""The settings of the sink `websocket`."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Self

from pydantic import Field, model_validator

from beats.adapters.bounds import queue_bounds
from beats.config.settings import QueueSettings, SinkSettings
from beats.kernel.envelope import Kind
from beats.kernel.lane import LaneBounds


class WebSocketSettings(SinkSettings):
    """A WebSocket server."""

    host: Annotated[str, Field(min_length=1)] = "localhost"
    """Address to listen on; `localhost` is reached from this machine only, `0.0.0.0` from any."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """Port to listen on; 0 takes a free one and reports it."""
    public_host: Annotated[str, Field(min_length=1)] = "localhost"
    """Name that viewers are told to connect to."""
    client_queue: QueueSettings | None = None
    """The queue of a viewer that does not keep up; by default as the sink's own, `block` taken as
    `drop_oldest`. With `error`, a viewer whose queue is full is closed with code 1013."""
    stall_timeout_s: Annotated[float, Field(gt=0, le=86400)] = 10.0
    """Seconds after which a viewer is closed whose socket accepts no byte."""
    close_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Seconds that a viewer has to answer when the server closes the connection."""
    max_message_bytes: Annotated[int, Field(ge=1024)] = 2_100_000
    """Largest message that a viewer may send; an `image_update` holds up to 2,000,000 characters."""
    emojis: tuple[str, ...] = ("poop", "skull", "heart", "star", "rainbow")
    """What `emoji_update` may name."""

    @model_validator(mode="after")
    def _no_producer_behind_a_client(self) -> Self:
        queue = self.client_queue
        if queue is not None and any(
            lane is not None and lane.overflow == "block" for lane in (queue, queue.frame, queue.peripheral)
        ):
            raise ValueError(
                "client_queue cannot use overflow 'block': it would let one viewer stall the others; "
                "use drop_oldest, drop_newest, latest or error"
            )
        return self

    def client_bounds(self) -> tuple[LaneBounds, Mapping[Kind, LaneBounds]]:
        """The bounds of a viewer's queue: for all kinds, and for those with a lane of their own."""
        common, own = queue_bounds(self.client_queue or self.queue)
        return _without_block(common), {kind: _without_block(lane) for kind, lane in own.items()}


def _without_block(bounds: LaneBounds) -> LaneBounds:
    return replace(bounds, overflow="drop_oldest") if bounds.overflow == "block" else bounds
