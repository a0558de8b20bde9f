"""The settings of the sink `nats`."""

from typing import Annotated

from pydantic import Field

from beats.adapters.nats.settings import NatsSettings
from beats.config.settings import MIB, SinkSettings
from beats.kit.connecting import FreshQueueSettings


class NatsSinkSettings(NatsSettings, SinkSettings):
    """The NATS server that gets the stream."""

    last_value: bool = True
    """Have the server keep the last message of each topic in memory, for edges that connect later; needs
    JetStream there."""
    last_value_max_bytes: Annotated[int, Field(ge=1024)] = 64 * MIB
    """Most bytes that it keeps; what changed longest ago is dropped first."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: FreshQueueSettings = FreshQueueSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""
