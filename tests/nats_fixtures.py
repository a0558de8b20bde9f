"""Servers for the tests of the relay, whose library runs on asyncio only."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from tests.nats_server import NatsServer

_NUMBERS = count(1)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    """One server for many tests."""
    with NatsServer(tmp_path_factory.mktemp("nats")) as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[NatsServer]:
    """A server that a test may kill."""
    with NatsServer(tmp_path) as running:
        yield running


@pytest.fixture
def stream() -> str:
    """The name of a stream that no other test has."""
    return f"s{next(_NUMBERS)}"
