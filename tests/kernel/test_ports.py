import pytest

from beats.kernel.bus import Bus
from beats.kernel.clock import SystemClock
from beats.kernel.ports import Batches, Clock, Codec, Context, Publish
from beats.kernel.publisher import Publisher
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.lease import Lease
from beats.kernel.testing import FixedClock, PlainCodec, PublishRecorder


async def run_nothing(publish: Publish) -> None: ...


def test_our_own_classes_fulfil_the_ports() -> None:
    """Those of the kernel and its test helpers; the type checkers hold this one."""
    clocks: list[Clock] = [SystemClock(), FixedClock()]
    codec: Codec = PlainCodec()
    batches: Batches = Lease(SinkQueue("null"), Publisher(Bus(), codec, SystemClock()), lambda: None)
    publish: Publish = PublishRecorder()
    assert all((clocks, codec, batches, publish))


def test_a_context_without_commands_and_settings_has_none() -> None:
    """Both are there, empty and unchangeable."""
    context = Context("browser", "studio", FixedClock(), lambda control: None)
    for mapping in (context.commands, context.settings):
        assert dict(mapping) == {}
        with pytest.raises(TypeError):
            mapping["pause"] = None  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
