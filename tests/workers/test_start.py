from collections.abc import Mapping

import pytest

from beats.cli.common import Reader
from beats.config.settings import ProfileSettings
from beats.kernel.errors import StartError
from beats.workers import start
from beats.workers.start import Workers, worker_pool
from tests.support import quiet

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def settings(**sinks: Mapping[str, object]) -> ProfileSettings:
    return Reader(None, None, None, overrides=quiet(**sinks)).read()


def show(number: int, line: str) -> None: ...


def not_installed(module: str) -> None: ...


async def begun(profile: ProfileSettings) -> None:
    async with worker_pool(profile, Workers(2, None, {}, show)):
        raise AssertionError("it has begun")


async def test_without_viewers_there_is_nothing_to_share() -> None:
    """A profile without an enabled WebSocket sink is told what it lacks."""
    with pytest.raises(StartError, match="'default' has no websocket sink"):
        await begun(settings(browser={"enabled": False}, void={"type": "null"}))


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what installs it."""
    monkeypatch.setattr(start, "find_spec", not_installed)
    with pytest.raises(StartError, match=r"pip install 'beats\[nats\]'"):
        await begun(settings())
