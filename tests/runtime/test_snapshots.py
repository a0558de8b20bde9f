"""Having sinks write down what they hold."""

from pathlib import Path

import pytest

from beats.kernel.capabilities import HoldsSnapshot
from beats.kernel.ports import Batches
from beats.runtime.snapshots import take_snapshots

pytestmark = pytest.mark.anyio


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


class Plain:
    """A sink that holds nothing."""

    async def run(self, queue: Batches) -> None: ...


class Holder(Plain):
    """A sink that holds something, or could."""

    def __init__(self, name: str, *, holds: bool = True) -> None:
        self.holds_snapshot = holds
        self.path = Path(name)

    async def snapshot(self) -> Path:
        return self.path


class Empty(Holder):
    """A sink that holds nothing yet."""

    async def snapshot(self) -> Path:
        raise LookupError("sink 'tape' holds nothing yet")


async def test_every_sink_that_holds_something_writes_it() -> None:
    """The others are not asked, those that could but shall not either."""
    sinks = {"browser": Plain(), "tape": Holder("a"), "spare": Holder("b"), "off": Holder("c", holds=False)}
    assert isinstance(sinks["off"], HoldsSnapshot)
    assert await take_snapshots(sinks) == {"tape": Path("a"), "spare": Path("b")}


@pytest.mark.parametrize("sinks", [{}, {"browser": Plain()}, {"off": Holder("c", holds=False)}])
async def test_without_a_holder_the_error_says_what_to_set(sinks: dict[str, Plain]) -> None:
    """That is a setting of the recorder."""
    with pytest.raises(LookupError, match="set snapshot_s, in seconds, on a sink of type recorder"):
        await take_snapshots(sinks)


async def test_what_a_sink_cannot_do_is_its_own_error() -> None:
    """It says which sink and why."""
    with pytest.raises(LookupError, match="'tape' holds nothing yet"):
        await take_snapshots({"tape": Empty("a")})
