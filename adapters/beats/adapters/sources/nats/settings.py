"""The settings of the source `nats`."""

from beats.adapters.nats.settings import NatsSettings
from beats.config.settings import SourceSettings
from beats.kit.connecting import InboxSettings


class NatsSourceSettings(NatsSettings, SourceSettings):
    """The NATS server that has the stream."""

    queue: InboxSettings = InboxSettings()
    """The queue between the network and the bus, for when the bus is delayed."""
