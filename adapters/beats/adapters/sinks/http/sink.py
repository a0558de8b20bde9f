"""The HTTP sink: answers requests for health, metrics and counters, and discards what is published."""

from typing import Final

from beats.adapters.http.admission import Admission
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.server import serving
from beats.adapters.http.site import Site
from beats.adapters.sinks.http.settings import HttpSettings
from beats.kernel.ports import Batches, Context


class HttpSink:
    """Serves `/livez`, `/readyz`, `/healthz`, `/metrics`, `/api/stats` and `/api/session`."""

    def __init__(self, settings: HttpSettings, context: Context) -> None:
        self.port: int | None = None
        """The port that it listens on, once it does."""
        self._settings: Final = settings
        self._admission: Final = Admission(settings, context, Site(context))
        self._everyone: Final[set[HttpConnection]] = set()

    def metrics(self) -> dict[str, float]:
        """How many requests had an invalid token."""
        return {"rejected_tokens_total": float(self._admission.rejected_tokens)}

    def adjust(self, settings: HttpSettings) -> None:
        """Use other tokens and origins from now on; token files are read again.

        Raises:
            OSError, ValueError: a token file cannot be used; everything stays as it was.
        """
        self._admission.adjust(settings)

    async def run(self, queue: Batches) -> None:
        """Serve until the queue ends.

        Raises:
            OSError: the address cannot be listened on, or a file of the settings cannot be read.
            RuntimeError: the event loop is not asyncio's, which the WebSocket library needs.
        """
        async with serving(self._admission.settings, self._admission, self._everyone) as listening:
            self.port = listening[0][1]
            async for _ in queue:
                pass  # health and counters come from the kernel, not from the envelopes
