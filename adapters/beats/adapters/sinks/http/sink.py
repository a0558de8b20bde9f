"""The HTTP sink: answers requests for health, metrics and counters, and shows pictures to players."""

from typing import Final

from beats.adapters.http.admission import Admission
from beats.adapters.http.connection import HttpConnection
from beats.adapters.http.players.players import Players
from beats.adapters.http.server import serving
from beats.adapters.http.site import Site
from beats.adapters.http.variants import variants_of
from beats.adapters.http.viewers import Viewers
from beats.adapters.sinks.http.settings import HttpSettings
from beats.kernel.ports import Batches, Context
from beats.kernel.stats import ClientStats, ClientTotals


class HttpSink:
    """Serves what the sink `websocket` serves by plain HTTP, except the page."""

    def __init__(self, settings: HttpSettings, context: Context) -> None:
        self.port: int | None = None
        """The port that it listens on, once it does."""
        self._viewers: Final = Viewers(context.name)
        self._variants: Final = variants_of(settings, context)
        self._players: Final = Players(context, self._viewers, self._variants)
        site = Site(context, self._players)
        self._admission: Final = Admission(settings, context, self._players, site)
        self._everyone: Final[set[HttpConnection]] = set()

    def clients(self) -> tuple[ClientStats, ...]:
        """The players now."""
        return self._viewers.clients()

    def client_totals(self) -> ClientTotals:
        """All players since the start."""
        return self._viewers.totals(self._admission.refused, self._admission.rejected_tokens)

    def metrics(self) -> dict[str, float]:
        """What was encoded for players."""
        return self._variants.metrics()

    def adjust(self, settings: HttpSettings) -> None:
        """Use other tokens, origins and limits from now on; token files are read again.

        Raises:
            OSError, ValueError: a token file cannot be used; everything stays as it was.
        """
        self._admission.adjust(settings)
        self._variants.adjust(settings.encoder_threads, settings.max_variants)

    async def run(self, queue: Batches) -> None:
        """Serve until the queue ends.

        Raises:
            OSError: the address cannot be listened on, or a file of the settings cannot be read.
            RuntimeError: the event loop is not asyncio's, which the WebSocket library needs.
        """
        try:
            await self._run(queue)
        finally:
            await self._variants.aclose()

    async def _run(self, queue: Batches) -> None:
        admission = self._admission
        async with serving(admission.settings, admission, self._everyone) as listening:
            self.port = listening[0][1]
            async with self._players.served(lambda: admission.settings.stall_timeout_s):
                async for batch in queue:
                    self._players.offer(batch)
