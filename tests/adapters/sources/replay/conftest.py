"""Replays run in virtual time, on both anyio back ends."""

import pytest

from tests.adapters.sources.support import Backend, in_virtual_time


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> Backend:
    """Each test has a clock of its own, which starts at 0."""
    return in_virtual_time(request.param)
