"""What the tests here find by name."""

from tests.support.nats import anyio_backend, own_server, server, stream

__all__ = ["anyio_backend", "own_server", "server", "stream"]
