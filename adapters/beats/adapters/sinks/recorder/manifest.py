"""What a recording says of itself."""

import json
import socket
from collections import Counter
from collections.abc import Mapping
from importlib.metadata import version
from typing import Final
from uuid import uuid4

from beats.adapters.sinks.recorder.settings import RecorderSettings
from beats.kernel.ports import Context
from beats.kernel.stats import Loss
from beats.recordings.format import iso


class Manifest:
    """What one recording is, and what all its parts hold and lack so far."""

    def __init__(self) -> None:
        """Begin another recording."""
        self.parts = 0
        """How many were begun."""
        self.identity: Final = uuid4().hex
        """What all its parts call it."""
        self._recorded = 0
        self._lost: Final[Counter[str]] = Counter()

    def record(self, envelopes: int) -> None:
        """Take note of what is in a file."""
        self._recorded += envelopes

    def lose(self, loss: Loss) -> None:
        """Take note of what is in none."""
        self._lost[loss.reason] += loss.items

    def about(self, settings: RecorderSettings, context: Context, now_ns: int) -> dict[str, str]:
        """Where the next part comes from, when it is begun, and which it is."""
        host = {"host": socket.gethostname()} if settings.record_host else {}
        return {
            "version": version("beats"),
            "profile": context.profile,
            "sink": context.name,
            "started": iso(now_ns),
            "recording": self.identity,
            "part": str(self.parts + 1),
            "settings": json.dumps(dict(context.settings), ensure_ascii=False, default=str),
            **host,
        }

    def totals(self, file_messages: int) -> Mapping[str, str]:
        """What the part that ends, and the whole recording, hold and lack until here."""
        return {
            "file_messages": str(file_messages),
            "recorded": str(self._recorded),
            "lost": str(self._lost.total()),
            "lost_by_reason": json.dumps(self._lost),
        }
