"""What the source `nats` needs to start."""

from beats.adapters.relay.claims import nats_claims
from beats.adapters.sources.nats.settings import NatsSourceSettings
from beats.kernel.claims import Claims


def claims(settings: NatsSourceSettings, profile: str) -> Claims:
    """Files and packages; a server may come later."""
    return nats_claims(settings)
