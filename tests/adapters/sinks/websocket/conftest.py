"""The WebSocket library runs on asyncio only."""

from tests.support.event_loop import anyio_backend

__all__ = ["anyio_backend"]
