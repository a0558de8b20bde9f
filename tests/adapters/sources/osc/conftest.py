"""What the tests here find by name."""

from tests.support.nats import anyio_backend

__all__ = ["anyio_backend"]
