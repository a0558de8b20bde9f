"""Sink `nats`: passes the stream on to a NATS server, for any number of edges."""

from typing import Final

from beats.adapters.sinks.nats.settings import NatsSinkSettings
from beats.kernel.ports import SinkKind
from beats.kit.connecting import LINK_METRICS

SINK: Final = SinkKind(
    settings=NatsSinkSettings,
    sink="beats.adapters.sinks.nats.sink:NatsSink",
    summary="Passes the stream on to a NATS server, which gives it to any number of edges",
    docs="relay",
    metrics={
        **LINK_METRICS,
        "oversized_total": "Envelopes that were larger than the server takes, and lost.",
        "refusals_total": "Times that the server said that this user may not publish there.",
        "unconfirmed_bytes": "Encoded bytes of envelopes that the server has not confirmed yet.",
    },
)

__all__ = ["SINK", "NatsSinkSettings"]
