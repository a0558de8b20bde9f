"""What the sink `nats` needs to start."""

from beats.adapters.relay.claims import nats_claims
from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.kernel.claims import Claims


def claims(settings: NatsSinkSettings, profile: str) -> Claims:
    """Files and packages; a server may come later."""
    return nats_claims(settings)
