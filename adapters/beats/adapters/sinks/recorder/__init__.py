"""Sink `recorder`: everything that was published, exactly, in MCAP files."""

from typing import Final

from beats.adapters.sinks.recorder.settings import ADJUSTABLE, RecorderSettings
from beats.kernel.ports import SinkKind

SINK: Final = SinkKind(
    settings=RecorderSettings,
    sink="beats.adapters.sinks.recorder.sink:RecorderSink",
    summary="Records everything to MCAP files that other tools open and Beats can play again",
    docs="recording",
    metrics={
        "recording": "1 while a file is open, else 0.",
        "idle": "1 while a recorder that records on command is not told to record, else 0. If both are 0, it "
        "cannot record, or not yet: the state of the sink says which.",
        "written_bytes_total": "Bytes put on disk, with all that the format adds.",
        "written_envelopes_total": "Envelopes in files, without the state at the beginning of each file.",
        "files_total": "Files that are finished, including those that ended early because a write failed.",
        "unflushed_age_s": "Age of the oldest envelope that the sink has and no file has yet; 0 without one.",
        "free_bytes": "Free space of the disk for this user, looked up each second.",
        "held_s": "Time from the first to the last envelope that a recorder of snapshots holds.",
        "held_bytes": "Encoded bytes of the envelopes that a recorder of snapshots holds.",
    },
    adjustable=ADJUSTABLE,
)

__all__ = ["SINK", "RecorderSettings"]
