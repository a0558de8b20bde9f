"""The event loop of tests that serve viewers in their own: asyncio's, or uvloop (`make pytest-uvloop`)."""

import os
from typing import Final

import pytest

LOOP: Final = os.environ.get("TESTS_EVENT_LOOP", "asyncio")


@pytest.fixture
def anyio_backend() -> object:
    """The WebSocket library runs on asyncio only, on any of its event loops."""
    if LOOP == "uvloop":
        import uvloop

        return "asyncio", {"loop_factory": uvloop.new_event_loop}
    return "asyncio"
