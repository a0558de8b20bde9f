"""Having sinks write down what they hold of what has just happened."""

from collections.abc import Mapping
from pathlib import Path

from beats.kernel.capabilities import HoldsSnapshot
from beats.kernel.ports import Sink


async def take_snapshots(sinks: Mapping[str, Sink]) -> dict[str, Path]:
    """Have every sink that holds the last seconds write them; the files by the sinks' names.

    Raises:
        LookupError: no sink holds anything; says what to set.
        OSError: a file cannot be written.
    """
    holders = {
        name: sink for name, sink in sinks.items() if isinstance(sink, HoldsSnapshot) and sink.holds_snapshot
    }
    if not holders:
        raise LookupError("no sink holds a snapshot: set snapshot_s, in seconds, on a sink of type recorder")
    return {name: await sink.snapshot() for name, sink in holders.items()}
