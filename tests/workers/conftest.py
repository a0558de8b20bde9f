"""What holds for the tests of worker processes."""

import pytest


@pytest.fixture
def anyio_backend() -> str:
    """These parts use asyncio only."""
    return "asyncio"
