"""The metadata of a recording."""

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
    """Identifies one recording, and counts what all its parts contain and lack so far."""

    def __init__(self) -> None:
        """Start another recording."""
        self.parts = 0
        """How many parts were started."""
        self.identity: Final = uuid4().hex
        """The id of the recording, the same in all parts."""
        self._recorded = 0
        self._lost: Final[Counter[str]] = Counter()

    def record(self, envelopes: int) -> None:
        """Count envelopes that are in a file."""
        self._recorded += envelopes

    def lose(self, loss: Loss) -> None:
        """Count envelopes that are in no file."""
        self._lost[loss.reason] += loss.items

    def about(self, settings: RecorderSettings, context: Context, now_ns: int) -> dict[str, str]:
        """The metadata at the beginning of the next part."""
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
        """The metadata at the end of a part: what it and the whole recording contain and lack so far."""
        return {
            "file_messages": str(file_messages),
            "recorded": str(self._recorded),
            "lost": str(self._lost.total()),
            "lost_by_reason": json.dumps(self._lost),
        }
