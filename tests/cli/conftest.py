"""What holds for the tests of the command."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """These parts use asyncio only."""
    return "asyncio"
