"""What the tests here find by name."""

from tests.nats_fixtures import anyio_backend, own_server, server, stream

__all__ = ["anyio_backend", "own_server", "server", "stream"]
