"""What a recording says of itself."""

import json
import socket
from importlib.metadata import version

from beats.adapters.recordings.format import iso
from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.ports import Context


def about(
    settings: RecorderSettings, context: Context, recording: str, part: int, now_ns: int
) -> dict[str, str]:
    """Where a file comes from, when it was begun, and which part of which recording it is."""
    host = {"host": socket.gethostname()} if settings.record_host else {}
    return {
        "version": version("beats"),
        "profile": context.profile,
        "sink": context.name,
        "started": iso(now_ns),
        "recording": recording,
        "part": str(part),
        "settings": json.dumps(dict(context.settings), ensure_ascii=False, default=str),
        **host,
    }
