"""Sources that are added, changed and removed while the kernel runs."""

from typing import Any

import anyio
import pytest

from beats.kernel.envelope import Control
from beats.kernel.errors import ClosedError, InputError
from beats.kernel.ports import Publish
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.testing import FixedClock, PlainCodec
from tests.kernel.run.test_commands import CLIENT, SteeredSource, as_it_is
from tests.kernel.support import FRAME, CallingSource, CollectingSink, by_topic, everyone_waits, knob, running

pytestmark = pytest.mark.anyio


def new_kernel(when_sources_end: Any = "stop") -> Kernel:
    options = KernelOptions(when_sources_end=when_sources_end)
    kernel = Kernel(PlainCodec(), clock=FixedClock(), options=options)
    kernel.add_sink("null", CollectingSink())
    return kernel


def received(kernel: Kernel) -> dict[str, list[int]]:
    sink = kernel.sinks["null"]
    assert isinstance(sink, CollectingSink)
    return by_topic(sink.received)


def states(kernel: Kernel) -> dict[str, str]:
    return {source.name: source.state for source in kernel.stats().sources}


async def every_second(publish: Publish) -> None:
    while True:
        await publish(FRAME)
        await anyio.sleep(1.0)


async def idle(publish: Publish) -> None:
    await anyio.sleep_forever()


async def once(publish: Publish) -> None:
    await publish(knob())


async def unusable(publish: Publish) -> None:
    raise InputError("no picture in it")


async def test_a_source_that_is_added_to_a_running_kernel_starts_at_once() -> None:
    """The others go on."""
    kernel, added = new_kernel(), CallingSource(once)
    kernel.add_source("camera", CallingSource(every_second))
    async with running(kernel):
        await anyio.sleep(0.5)
        kernel.add_source("demo", added)
        await anyio.sleep(1.0)
        assert added.attempts_s == [0.5]
        assert states(kernel) == {"camera": "running", "demo": "ended"}
    assert received(kernel) == {"frame": [1, 2], "peripheral/knob": [1]}


async def test_a_removed_source_ends_and_the_others_go_on() -> None:
    """It is no longer in stats, and its task has ended."""
    ended: list[str] = []

    async def run(publish: Publish) -> None:
        try:
            await every_second(publish)
        finally:
            ended.append("camera")

    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(run))
    kernel.add_source("other", CallingSource(idle))
    async with running(kernel):
        await anyio.sleep(1.5)
        await kernel.remove_source("camera")
        assert ended == ["camera"]
        assert anyio.current_time() == pytest.approx(1.5)
        await anyio.sleep(10.0)
        assert states(kernel) == {"other": "starting"}
    assert received(kernel) == {"frame": [1, 2]}


async def test_a_source_in_back_off_is_removed_at_once() -> None:
    """Without waiting for the end of its pause."""

    async def fail(publish: Publish) -> None:
        raise OSError("no camera")

    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(fail))
    async with running(kernel):
        await everyone_waits()
        assert states(kernel) == {"camera": "failed"}
        await kernel.remove_source("camera")
    assert anyio.current_time() < 0.1


async def test_a_source_that_never_ran_can_be_removed() -> None:
    """Before `run` there is nothing to wait for, and `run` does not start it."""
    kernel, source = new_kernel(), CallingSource(once)
    kernel.add_source("demo", source)
    await kernel.remove_source("demo")
    async with running(kernel):
        await everyone_waits()
    assert (source.attempts_s, kernel.stats().sources) == ([], ())


async def test_a_source_that_cannot_be_cancelled_publishes_nothing_more(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A second later it is abandoned, and whatever it publishes then is refused."""
    refused: list[str] = []

    async def run(publish: Publish) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.sleep(3.0)
            for attempt in (publish(FRAME), publish.forward(None)):  # type: ignore[arg-type]
                try:
                    await attempt
                except ClosedError as error:
                    refused.append(str(error))
            publish.from_thread(FRAME)

    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(run))
    async with running(kernel):
        await everyone_waits()
        await kernel.remove_source("camera")
        assert anyio.current_time() == pytest.approx(1.0, abs=0.01)
        await anyio.sleep(5.0)
    assert refused == ["source 'camera' was removed: end it when it is cancelled"] * 2
    assert received(kernel) == {}
    assert "source 'camera' did not end after it was cancelled" in caplog.text


async def test_a_source_of_the_same_name_goes_on_with_the_sequence_numbers() -> None:
    """Sequence numbers belong to topics, not to sources."""
    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(every_second))
    async with running(kernel):
        await anyio.sleep(1.5)
        await kernel.remove_source("camera")
        kernel.add_source("camera", CallingSource(every_second))
        await anyio.sleep(1.5)
        assert [source.published for source in kernel.stats().sources] == [2]
    assert received(kernel) == {"frame": [1, 2, 3, 4]}


async def test_the_commands_of_a_source_that_is_added_are_known_at_once() -> None:
    """Those of a removed source of the same name are gone."""
    kernel, before, after = new_kernel(), SteeredSource("pause"), SteeredSource("seek")
    seen = kernel.commands
    kernel.add_source("replay", before)
    async with running(kernel):
        await kernel.remove_source("replay")
        kernel.add_source("replay", after)
        assert seen == {"seek": as_it_is}
        kernel.bus.send_control(Control("seek", {}, CLIENT))
    assert (before.obeyed, after.obeyed) == ([], [("seek", {})])


async def test_removing_the_last_source_that_runs_does_not_stop_a_kernel() -> None:
    """Even if all others have ended."""
    kernel = new_kernel()
    kernel.add_source("demo", CallingSource(once))
    kernel.add_source("camera", CallingSource(every_second))
    async with running(kernel):
        await anyio.sleep(0.5)
        await kernel.remove_source("camera")
        await anyio.sleep(10.0)
        await kernel.publisher.publish_async(FRAME)
    assert received(kernel) == {"peripheral/knob": [1], "frame": [1, 2]}


@pytest.mark.parametrize("run", [once, unusable])
async def test_a_kernel_ends_when_a_source_that_was_added_later_was_the_last_to_end(run: Any) -> None:
    """With `when_sources_end = "stop"`, whether it is done or its input is unusable."""
    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(every_second))
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        await anyio.sleep(0.5)
        kernel.add_source("demo", CallingSource(run))
        await everyone_waits()
        assert states(kernel)["camera"] == "running"
        await kernel.remove_source("camera")
        kernel.add_source("demo 2", CallingSource(run))
    assert anyio.current_time() == pytest.approx(0.5, abs=0.01)


async def test_a_kernel_that_began_without_sources_ends_with_the_one_that_was_added() -> None:
    """It stays as long as there is no source."""
    kernel = new_kernel()
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        await anyio.sleep(100.0)
        kernel.add_source("demo", CallingSource(once))
    assert anyio.current_time() == pytest.approx(100.0)


async def test_removing_while_the_kernel_ends_does_not_hang() -> None:
    """Its sources are cancelled anyway."""
    kernel = new_kernel()
    kernel.add_source("camera", CallingSource(every_second))
    async with anyio.create_task_group() as group:
        await group.start(kernel.run)
        await everyone_waits()
        kernel.stop()
        await kernel.remove_source("camera")
    assert kernel.stats().sources == ()
    assert anyio.current_time() < 0.1
