"""What the source `nats` needs to start."""

from beats.adapters.nats.resources import nats_resources
from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.resources import Resources


def resources(settings: NatsSourceSettings, profile: str) -> Resources:
    """Files and packages; a server may come later."""
    return nats_resources(settings)
