import pytest

from beats.adapters.sinks.null import SINK, NullSettings, NullSink, NullStats
from beats.kernel.ports import Context
from beats.kernel.testing import FixedClock, envelope
from tests.adapters.sinks.batches import FakeBatches

pytestmark = pytest.mark.anyio

CONTEXT = Context("null", "test", FixedClock(), lambda control: None)


async def test_it_counts_by_kind_and_bytes_and_keeps_counting_after_a_restart() -> None:
    """What was discarded is known; nothing is kept."""
    sink = SINK.build(NullSettings(type="null"), CONTEXT)
    assert isinstance(sink, NullSink)
    batch = [envelope(1, encoded=b"12345"), envelope(1, topic="peripheral/knob-1", encoded=b"123")]
    await sink.run(FakeBatches(batch, batch))
    assert sink.stats == NullStats(frames=2, peripherals=2, bytes=16)
    await sink.run(FakeBatches(batch))
    assert sink.stats == NullStats(frames=3, peripherals=3, bytes=24)
