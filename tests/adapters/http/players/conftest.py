"""The WebSocket library runs on asyncio only."""

from tests.support.nats import anyio_backend

__all__ = ["anyio_backend"]
