"""What the tests here find by name."""

from tests.support.mqtt import broker, own_broker, prefix
from tests.support.nats import anyio_backend

__all__ = ["anyio_backend", "broker", "own_broker", "prefix"]
