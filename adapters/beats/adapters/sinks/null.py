"""Sink `null`: counts and discards. For measuring, and for profiles that deliver nothing."""

from typing import Final, NamedTuple

from beats.config.settings import SinkSettings
from beats.kernel.ports import Batches, Context, SinkKind


class NullSettings(SinkSettings):
    """A sink that counts and discards; it has no settings of its own."""


class NullStats(NamedTuple):
    """What was discarded so far."""

    frames: int = 0
    peripherals: int = 0
    bytes: int = 0
    """Encoded bytes of both kinds."""


class NullSink:
    """Takes all that comes."""

    def __init__(self, settings: NullSettings, context: Context) -> None:
        self.stats = NullStats()

    async def run(self, queue: Batches) -> None:
        """Count until the queue ends; the counts go on through restarts."""
        async for batch in queue:
            frames = sum(envelope.kind == "frame" for envelope in batch)
            self.stats = NullStats(
                self.stats.frames + frames,
                self.stats.peripherals + len(batch) - frames,
                self.stats.bytes + sum(len(envelope.encoded) for envelope in batch),
            )


SINK: Final = SinkKind(
    settings=NullSettings, sink=NullSink, summary="Counts and discards", docs="settings#sinks"
)
