"""What the sink `nats` needs to start."""

from beats.adapters.nats.resources import nats_resources
from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.kernel.resources import Resources


def resources(settings: NatsSinkSettings, profile: str) -> Resources:
    """Files and packages; a server may come later."""
    return nats_resources(settings)
