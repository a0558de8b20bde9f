"""Source `osc`: what desks, phones and music programs send by Open Sound Control (OSC)."""

from typing import Final

from beats.adapters.sources.osc.settings import OscSettings
from beats.kernel.ports import SourceKind

SOURCE: Final = SourceKind(
    settings=OscSettings,
    source="beats.adapters.sources.osc.source:OscSource",
    summary="What desks, phones and music programs send by Open Sound Control (OSC) over UDP",
    docs="sources#osc",
    metrics={
        "datagrams_total": "UDP packets that came.",
        "controls_total": "Commands that were passed on.",
        "invalid_total": "UDP packets that are not OSC, damaged, or too large.",
        "invalid_controls_total": "Commands with wrong arguments, which were left out.",
        "unpublishable_total": "Messages whose address gives no id, or that the bus refused.",
        "wrong_times_total": "Messages that were published at once: their time was far from the clock here, "
        "or too many waited for theirs.",
        "dropped_total": "Messages that came and were dropped, because this machine's bus was held up.",
        "dropped_unread_total": "UDP packets that the operating system dropped before they were read.",
    },
)

__all__ = ["SOURCE", "OscSettings"]
