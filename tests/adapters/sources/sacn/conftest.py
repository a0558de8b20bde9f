"""Sources run on asyncio."""

from tests.support.nats import anyio_backend

__all__ = ["anyio_backend"]
