"""Capture times in another unit than nanoseconds."""

import logging

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.clock import wrong_unit
from beats.kernel.envelope import Frame
from beats.kernel.ports import Publish
from beats.kernel.publisher import Publisher
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.testing import FixedClock, PlainCodec

NOW_NS = 1_790_000_000_123_456_789


@pytest.mark.parametrize(
    ("captured", "unit", "factor"),
    [
        (1_790_000_000, "seconds", "1,000,000,000"),
        (1_700_000_000_000, "milliseconds", "1,000,000"),
        (1_790_000_000_123_456, "microseconds", "1,000"),
    ],
)
def test_a_time_in_another_unit_is_recognised_by_its_size(captured: int, unit: str, factor: str) -> None:
    """The message says what to multiply it by."""
    doubt = wrong_unit(captured, NOW_NS)
    assert doubt is not None
    assert f"captured_unix_ns = {captured} looks like {unit}" in doubt
    assert doubt.endswith(f"multiply it by {factor}")


@pytest.mark.parametrize(
    "captured", [0, 5, NOW_NS, NOW_NS + 10**17, 2**63 - 1, 631_152_000 * 10**9, 259_200 * 10**9, -(10**12)]
)
def test_what_may_be_right_is_not_doubted(captured: int) -> None:
    """Now, the future, the year 1990, and a clock that counts from when its machine was switched on."""
    assert wrong_unit(captured, NOW_NS) is None


def test_the_program_is_warned_once(caplog: pytest.LogCaptureFixture) -> None:
    """However often it publishes; the envelopes keep their times."""
    bus = Bus()
    received: list[int] = []

    def receive(envelope: object) -> None:
        received.append(getattr(envelope, "captured_unix_ns", 0))

    bus.connect("frame", receive)
    publisher = Publisher(bus, PlainCodec(), FixedClock(NOW_NS))
    for captured in (NOW_NS, 1_790_000_000_000, 1_790_000_000):
        publisher.publish(Frame(b"png"), captured_unix_ns=captured)
    assert received == [NOW_NS, 1_790_000_000_000, 1_790_000_000]
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage().startswith(
        "the program: captured_unix_ns = 1790000000000 looks like milliseconds"
    )


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_each_source_is_warned_once(caplog: pytest.LogCaptureFixture, anyio_backend: str) -> None:
    """By name, whether it publishes from the event loop or a thread."""

    class Source:
        async def run(self, publish: Publish) -> None:
            for _ in range(3):
                await publish(Frame(b"png"), captured_unix_ns=1_790_000_000)
                await anyio.to_thread.run_sync(
                    lambda: publish.from_thread(Frame(b"png"), captured_unix_ns=1_790_000_000)
                )

    kernel = Kernel(PlainCodec(), clock=FixedClock(NOW_NS), options=KernelOptions())
    kernel.add_source("left", Source())
    kernel.add_source("right", Source())
    with anyio.fail_after(20):
        await kernel.run()
    assert kernel.publisher.published == 12
    told = sorted(record.getMessage().partition(":")[0] for record in caplog.records)
    assert told == ["source 'left'", "source 'right'"]
