"""A sink that shows a picture on a wall, with real sockets."""

import io
import socket
from collections.abc import Sequence
from typing import Any, Final

import anyio
import anyio.lowlevel
import pytest
from anyio.abc import TaskStatus
from PIL import Image

from beats.adapters.led import targets as targets_module
from beats.adapters.led.hosts import HostPort
from beats.adapters.led.sink import LedSink
from beats.adapters.led.targets import Counts, Packet, Target
from beats.adapters.sinks.ddp import SINK
from beats.adapters.sinks.ddp.settings import DdpSettings
from beats.adapters.sinks.ddp.sink import DdpPackets
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Frame, Message, Peripheral
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kit.bounds import queue_bounds
from beats.proto.codec import StreamCodec
from tests.adapters.led.support import Receiver, lit, receiver, wall
from tests.adapters.sinks.websocket.support import until
from tests.support import TIMEOUT_S, png_of

pytestmark = pytest.mark.anyio

RED: Final = (255, 0, 0)
GREEN: Final = (0, 255, 0)
BLACK: Final = (0, 0, 0)


def frame(colour: tuple[int, int, int], id: str = "", size: tuple[int, int] = (4, 2)) -> Frame:  # noqa: A002
    return Frame(png_of(Image.new("RGB", size, colour)), id)


def shown(colour: tuple[int, int, int]) -> bytes:
    return bytes(colour) * 8


async def start_lit(settings: DdpSettings, *, task_status: TaskStatus[Kernel]) -> None:
    """The same as a task."""
    async with lit(settings) as (kernel, _):
        task_status.started(kernel)
        await anyio.sleep_forever()


async def next_of(of: Receiver, colour: tuple[int, int, int] | None = None) -> bytes:
    """Wait for the pixels of a packet, or for a packet of one colour."""
    while True:
        found = (await anyio.to_thread.run_sync(of.next))[10:]
        if colour is None or found == shown(colour):
            return found


async def test_the_newest_frame_of_its_picture_is_shown_and_black_at_the_end() -> None:
    """Other pictures are not; what was published before it started is; at the end, all pixels go dark."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host], picture="stage")) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            await kernel.publisher.publish_async(frame(GREEN, "stage"))
            assert await next_of(controller) == shown(GREEN)
        assert {data[10:] for data in controller.left()} == {shown(BLACK)}
        assert sink.metrics()["send_errors_total"] == 0


async def test_a_wall_that_starts_late_shows_what_is_on_air() -> None:
    """The last frame that was published, without waiting for the next one."""
    kernel = Kernel(StreamCodec())
    with receiver() as controller:
        settings = wall(host=[controller.host])
        context = Context("wall", "test", SystemClock(), lambda control: None)
        with anyio.fail_after(TIMEOUT_S):
            async with anyio.create_task_group() as group:
                await group.start(kernel.run)
                await kernel.publisher.publish_async(frame(RED))
                await kernel.add_sink_now("wall", SINK.build(settings, context), queue_bounds(settings.queue))
                assert await next_of(controller) == shown(RED)
                kernel.stop()


@pytest.mark.parametrize("on_end", ["hold", "off"])
async def test_hold_and_off_send_no_further_pixels(on_end: str) -> None:
    """The wall keeps its picture, as long as the controller does."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host], on_end=on_end)) as (kernel, _):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
        assert {data[10:] for data in controller.left()} <= {shown(RED)}


async def test_a_wall_that_is_removed_goes_dark() -> None:
    """While everything else goes on."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host])) as (kernel, _):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
            await kernel.remove_sink("wall")
            assert await next_of(controller, BLACK)


async def test_a_wall_that_is_cancelled_goes_dark() -> None:
    """As when a program ends by an error."""
    with receiver() as controller:
        async with anyio.create_task_group() as group:
            kernel = await group.start(start_lit, wall(host=[controller.host]))
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
            group.cancel_scope.cancel()
        assert shown(BLACK) in {data[10:] for data in controller.left()}


async def test_the_last_frame_is_sent_again_while_nothing_new_comes() -> None:
    """Controllers go dark after some seconds without data. Each packet has a new number."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host], keepalive_s=0.05)) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            packets = await anyio.to_thread.run_sync(controller.take, 3)
            assert sink.metrics()["frames_total"] == 1
    assert [(data[1], data[10:]) for data in packets] == [(number, shown(RED)) for number in (1, 2, 3)]


async def test_settings_change_while_the_wall_is_lit() -> None:
    """A picture that stands still is shown with its new brightness at once."""
    with receiver() as controller:
        given = wall(host=[controller.host], keepalive_s=0)
        async with lit(given) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
            sink.adjust(given.model_copy(update={"brightness": 0.2}))
            assert await next_of(controller) == shown((51, 0, 0))


async def replaced(kernel: Kernel, before: LedSink, after: DdpSettings) -> None:
    """As a reload does when settings change that a wall cannot take while it is lit."""
    context = Context("wall", "test", SystemClock(), lambda control: None)
    successor = LedSink(after, context, DdpPackets(after))
    successor.take_over(before)
    await kernel.replace_sink("wall", successor, queue_bounds(after.queue), hand_over=True)


async def test_a_successor_at_the_same_place_takes_over_without_dark() -> None:
    """As when the order of colours changes."""
    with receiver() as controller:
        before = wall(host=[controller.host])
        async with lit(before) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
            await replaced(kernel, sink, before.model_copy(update={"color_order": "grb"}))
            seen = {await next_of(controller)}
            while shown(GREEN) not in seen:
                seen.add(await next_of(controller))
            assert seen <= {shown(RED), shown(GREEN)}


async def test_what_a_successor_does_not_light_goes_dark() -> None:
    """As when the pixels move to another place at the controller."""
    with receiver() as controller:
        before = wall(host=[controller.host])
        async with lit(before) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
            await replaced(kernel, sink, before.model_copy(update={"offset": 100}))
            await next_of(controller, BLACK)
            await next_of(controller, RED)


async def test_a_picture_that_cannot_be_decoded_leaves_the_last_one(caplog: pytest.LogCaptureFixture) -> None:
    """It is counted and logged, and the next one is shown."""
    whole = frame(GREEN)
    with receiver() as controller:
        async with lit(wall(host=[controller.host], keepalive_s=0.05)) as (kernel, sink):
            await kernel.publisher.publish_async(frame(RED))
            await next_of(controller, RED)
            await kernel.publisher.publish_async(Frame(whole.data[:40]))
            with anyio.fail_after(TIMEOUT_S):
                while not sink.metrics()["undecodable_total"]:
                    assert await next_of(controller) == shown(RED)
            await kernel.publisher.publish_async(whole)
            while (found := await next_of(controller)) != shown(GREEN):
                assert found == shown(RED)
    assert "cannot be decoded" in caplog.text


async def test_a_frame_rate_is_a_limit() -> None:
    """Of many frames, as many are sent as the rate allows, and two more; the newest one always."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host], fps=20)) as (kernel, sink):
            begin = anyio.current_time()
            for number in range(1, 101):
                await kernel.publisher.publish_async(frame((number, 0, 0)))
                await anyio.sleep(0.001)
            await next_of(controller, (100, 0, 0))
            assert sink.metrics()["frames_total"] <= 2 + 20 * (anyio.current_time() - begin)


async def test_what_is_not_its_picture_delays_no_frame() -> None:
    """Sensors and other pictures, however many, cost no turn."""
    with receiver() as controller:
        async with lit(wall(host=[controller.host], fps=20)) as (kernel, _):
            for number in range(1000):
                await kernel.publisher.publish_async(Peripheral("knob", number))
                await anyio.lowlevel.checkpoint()
            for colour in (RED, GREEN):
                await kernel.publisher.publish_async(frame(colour))
                await next_of(controller, colour)


class Full(Target):
    """A controller whose network takes nothing: the other end of its socket is never read."""

    def open(self) -> None:
        self._next, self.other_end = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._next.setblocking(False)

    async def keep_open(self) -> None:
        await anyio.sleep_forever()

    def close(self) -> None:
        super().close()
        self.other_end.close()


async def test_a_controller_that_takes_nothing_holds_up_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Full socket buffers, a port where nothing listens, a name that does not exist: each is counted."""
    with receiver() as controller:
        settings = wall(100, 100, fps=200, keepalive_s=0)

        def targets(who: str, counts: Counts) -> Sequence[Target]:
            gone = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            with gone:
                gone.bind(("127.0.0.1", 0))
                closed = HostPort(*gone.getsockname())
            return [
                Full(who, HostPort("full", 1), counts),
                Target(who, closed, counts),
                Target(who, HostPort("nowhere.invalid", 1), counts),
                Target(who, HostPort("127.0.0.1", controller.port), counts),
            ]

        context = Context("wall", "test", SystemClock(), lambda control: None)
        sink = LedSink(settings, context, DdpPackets(settings), targets)
        async with lit(settings, sink) as (kernel, _):
            for number in range(1, 21):
                await kernel.publisher.publish_async(frame((number, 0, 0), size=(100, 100)))
                packets = await anyio.to_thread.run_sync(controller.take, 21)
                assert b"".join(data[10:] for data in packets) == bytes((number, 0, 0)) * 10_000
            metrics = sink.metrics()
            assert (metrics["hosts"], metrics["hosts_failing"]) == (4, 3)
            assert kernel.stats().sinks[0].state == "running"
        assert sink.metrics()["send_errors_total"] > 20 * 21
    for fault in ("full:1: it cannot be reached (its network accepts less", "refused", "nowhere.invalid:1"):
        assert caplog.text.count(fault) == 1


async def test_each_host_gets_all_pixels() -> None:
    """As controllers that show the same, or that each take their part."""
    with receiver() as one, receiver() as other:
        async with lit(wall(host=[one.host, other.host])) as (kernel, _):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(one) == await next_of(other) == shown(RED)


async def test_a_name_is_looked_up_until_it_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """As when a controller is switched on later; then it gets what is shown."""
    look_up = socket.getaddrinfo
    tries: list[str] = []

    def late(host: str, port: int, **options: Any) -> Any:
        if host != "wled.invalid":
            return look_up(host, port, **options)
        if "flags" not in options:
            tries.append(host)
        if len(tries) < 3:
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up("127.0.0.1", port, **options)

    monkeypatch.setattr(socket, "getaddrinfo", late)
    monkeypatch.setattr(targets_module, "_RETRY_S", 0.001)
    with receiver() as controller:
        async with lit(wall(host=[f"wled.invalid:{controller.port}"], keepalive_s=0.05)) as (kernel, _):
            await kernel.publisher.publish_async(frame(RED))
            assert await next_of(controller) == shown(RED)
    assert len(tries) == 3


async def test_packets_of_a_frame_are_spread_when_it_is_paced() -> None:
    """The last one of 21 is not sent before 20/21 of half the time between two frames."""
    at: list[float] = []

    class Timed(Target):
        def _push(self, opened: socket.socket, packet: Packet) -> None:
            at.append(anyio.current_time())
            super()._push(opened, packet)

    with receiver() as controller:
        settings = wall(100, 100, fps=5, pace=0.5, on_end="hold")
        context = Context("wall", "test", SystemClock(), lambda control: None)
        to = HostPort("127.0.0.1", controller.port)
        sink = LedSink(settings, context, DdpPackets(settings), lambda who, counts: [Timed(who, to, counts)])
        async with lit(settings, sink) as (kernel, _):
            begin = anyio.current_time()
            await kernel.publisher.publish_async(frame(RED, size=(100, 100)))
            await anyio.to_thread.run_sync(controller.take, 21)
    assert at[20] - begin >= 0.5 / 5 * 20 / 21 - 0.001


async def test_the_preview_is_what_the_wall_shows() -> None:
    """A picture of its own, in the wall's size, from the bytes that were sent."""
    previews: list[Frame] = []
    seen = anyio.Event()

    def note(envelope: Any) -> None:
        message: Message = envelope.message
        if isinstance(message, Frame) and message.id == "preview":
            previews.append(message)
            seen.set()

    with receiver() as controller:
        given: dict[str, Any] = {
            "preview": "preview",
            "brightness": 0.2,
            "layout": {"serpentine": True},
            "color_order": "bgr",
        }
        async with lit(wall(host=[controller.host], **given)) as (kernel, _):
            kernel.bus.connect("frame", note)
            await kernel.publisher.publish_async(frame(RED, size=(64, 32)))
            await seen.wait()
    assert (previews[0].width, previews[0].height, previews[0].media_type) == (4, 2, "image/png")
    image = Image.open(io.BytesIO(previews[0].data))
    assert image.tobytes() == shown((51, 0, 0))


async def test_the_preview_is_published_ten_times_a_second_at_most() -> None:
    """However fast the picture is; the newest one comes."""
    shades: list[int] = []

    def note(envelope: Any) -> None:
        message: Message = envelope.message
        if isinstance(message, Frame) and message.id == "preview":
            shades.append(Image.open(io.BytesIO(message.data)).tobytes()[0])

    with receiver() as controller:
        async with lit(wall(host=[controller.host], preview="preview", fps=200)) as (kernel, _):
            kernel.bus.connect("frame", note)
            begin = anyio.current_time()
            for shade in range(1, 31):
                await kernel.publisher.publish_async(frame((shade, 0, 0)))
                await anyio.sleep(0.01)
            await until(lambda: shades[-1:] == [30])
            assert len(shades) <= 1 + (anyio.current_time() - begin) / 0.1
