"""The settings of the source `nats`."""

from beats.adapters.nats.settings import InboxSettings, NatsSettings
from beats.config.settings import SourceSettings


class NatsSourceSettings(NatsSettings, SourceSettings):
    """Where the stream comes from."""

    queue: InboxSettings = InboxSettings()
    """What waits between the network and the bus when the bus is held up."""
