"""`Stream`: Beats inside a program, with real sockets, threads and processes."""

import asyncio
import gc
import io
import json
import queue
import signal
import socket
import threading
import traceback
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from anyio import to_thread
from PIL import Image
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from beats.app import AsyncStream, Stream
from beats.config.errors import SettingsError
from beats.kernel.envelope import Control, Frame, Location, Peripheral, Sealed, Tag
from beats.kernel.errors import ClosedError, QueueFull, StartError
from beats.kit.ports import PAGE
from beats.runtime.arguments import frame
from tests.support import (
    CODEC,
    STUCK_SINK,
    TIMEOUT_S,
    Viewer,
    install_adapter,
    python,
    quiet,
    tiny_png,
    until,
    watching,
)

pytestmark = pytest.mark.anyio
NULL_ONLY = quiet(browser={"enabled": False}, null={"type": "null"})


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Generator[None]:
    """No thread is left when a test has ended."""
    monkeypatch.chdir(tmp_path)
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        if thread.name.startswith("Trio thread"):
            continue  # trio keeps idle threads for ten seconds
        thread.join(TIMEOUT_S)  # asyncio.run tells its worker threads to end and does not wait
        assert not thread.is_alive(), thread


def url(stream: Stream | AsyncStream) -> str:
    return stream.sinks["browser"].address.url


def accepted(stream: Stream | AsyncStream) -> int:
    """How many viewers the browser's sink has had."""
    totals = {sink.name: sink.client_totals for sink in stream.stats().sinks}["browser"]
    assert totals is not None
    return totals.accepted


@contextmanager
def viewing(stream: Stream, query: str = "") -> Generator[Viewer]:
    """A viewer that gets all that is published from now on: being connected is not enough for that."""
    before = accepted(stream)
    with watching(url(stream) + query) as viewer:
        while accepted(stream) == before:
            assert viewer.connection.ping().wait(TIMEOUT_S)
        yield viewer


def frame_of(envelope: Sealed) -> bytes:
    assert isinstance(envelope.message, Frame)
    return envelope.message.data


def peripheral_of(envelope: Sealed) -> Peripheral:
    assert isinstance(envelope.message, Peripheral)
    return envelope.message


def stuck(overflow: str) -> dict[str, Any]:
    """Overrides with a sink that takes one envelope and no more, and cannot drain."""
    bounds = {"size": 1, "overflow": overflow, "block_timeout_s": 0.05}
    return {**quiet(stuck={"type": "stuck", "queue": bounds}), "kernel": {"shutdown_timeout_s": 0.05}}


@pytest.fixture
def stuck_sink(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the adapter `stuck` is installed."""
    folder = tmp_path / "installed"
    install_adapter(folder, "sinks", "stuck", STUCK_SINK, monkeypatch)
    return folder


def test_what_is_published_arrives() -> None:
    """A plain client gets frames and updates, decoded, with sequence, time, tags and location."""
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        assert stream.publish_frame(tiny_png(7), captured_unix_ns=123) == 1
        assert stream.publish_peripheral(
            "knob-1",
            {"rotation": 3},
            tags=["plain", Tag("input", "rotary", {"steps": "24"})],
            location=Location(1.0, 2.0, 3.0, "2024-05-01T00:00:00+00:00"),
            captured_unix_ns=456,
        )
        frame, update = viewer.take(2)
    assert (frame.kind, frame.topic, frame.sequence, frame.captured_unix_ns) == ("frame", "frame", 1, 123)
    assert frame_of(frame) == tiny_png(7)
    assert (update.topic, update.sequence, update.captured_unix_ns) == ("peripheral/knob-1", 1, 456)
    knob = peripheral_of(update)
    assert knob.data == {"rotation": 3}
    assert [tuple(tag) for tag in knob.tags] == [("plain", "", {}), ("input", "rotary", {"steps": "24"})]
    assert knob.location is not None
    assert tuple(knob.location) == (1.0, 2.0, 3.0, "2024-05-01T00:00:00+00:00")


@pytest.mark.parametrize("overflow", ["drop_oldest", "latest"])
def test_a_late_joiner_gets_what_was_published_whatever_the_queue_gave_up(overflow: str) -> None:
    """A late joiner gets the values of a thousand sensors that published once at the same time."""
    queue = {"peripheral": {"size": 256, "overflow": overflow}}
    with Stream.open(overrides=quiet(browser={"queue": queue})) as stream:
        for number in range(1000):
            stream.publish_peripheral(f"s-{number}", {"v": number})
        with viewing(stream) as viewer:
            values = viewer.take(1000)
            stream.publish_peripheral("s-0", {"v": "new"})
            following = viewer.take(1)
        assert stream.stats().topics == 1000
    assert [item.topic for item in values] == [f"peripheral/s-{number}" for number in range(1000)]
    assert [(item.topic, item.sequence) for item in following] == [("peripheral/s-0", 2)]


def test_what_cannot_be_sent_is_the_callers_error() -> None:
    """The error says what is wrong and what is accepted, and no sequence number is skipped."""
    wrong: Any = "abc"
    with Stream.open(overrides=NULL_ONLY) as stream:
        with pytest.raises(TypeError, match=r"tags is str; it must be a list of tags"):
            stream.publish_peripheral("knob", 1, tags=wrong)
        with pytest.raises(TypeError, match="captured_unix_ns is float"):
            stream.publish_peripheral("knob", 1, captured_unix_ns=1.7e18)  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(TypeError, match="captured_unix_ns is float"):
            stream.publish_frame(tiny_png(), captured_unix_ns=1.7e18)  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(TypeError, match="data is str"):
            stream.publish_frame(wrong)
        with pytest.raises(ValueError, match="data is a GIF: "):
            stream.publish_frame(b"GIF89a")
        with pytest.raises(TypeError, match="id is int; it must be text"):
            stream.publish_frame(tiny_png(), id=5)  # type: ignore[arg-type]  # pyright: ignore
        with pytest.raises(TypeError):
            stream.publish_peripheral("knob", object())
        assert stream.publish_frame(tiny_png()) == stream.publish_peripheral("knob", 1) == 1


def test_frames_like_the_one_before_are_as_complete() -> None:
    """Type, size and id are those of the header, which is not read again while frames begin alike."""
    jpeg = io.BytesIO()
    Image.new("RGB", (23, 17)).save(jpeg, "JPEG")
    everything = "?topics=*&formats=png,jpeg"
    with Stream.open(overrides=quiet()) as stream, viewing(stream, everything) as viewer:
        sent = [
            (id_, data) for data in (tiny_png(7), tiny_png(300), jpeg.getvalue()) for id_ in ("a", "b") * 4
        ]
        for id_, data in sent:
            stream.publish_frame(data + b"end", id=id_)
        got = [viewer.next().message for _ in sent]
    assert got == [frame(data + b"end", id_) for id_, data in sent]


def test_a_frame_like_the_one_before_is_checked_as_well() -> None:
    """Against what is wrong with this one, and against settings that have changed."""
    png = tiny_png(7)
    with Stream.open(overrides=NULL_ONLY) as stream:
        for _ in range(3):
            stream.publish_frame(png)
        with pytest.raises(ValueError, match="the checksum of its header is wrong"):
            stream.publish_frame(png[:20] + b"\1" + png[21:])
        with pytest.raises(ValueError, match="media_type is 'image/jpeg'"):
            stream.publish_frame(png, media_type="image/jpeg")
        with pytest.raises(TypeError, match="id is list"):
            stream.publish_frame(png, id=[])  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        wide = io.BytesIO()
        Image.new("L", (50, 1)).save(wide, "PNG")
        stream.publish_frame(wide.getvalue())
        stream.apply({"pixels": {"max_pixels": 49}})
        with pytest.raises(ValueError, match="at most 49 are allowed"):
            stream.publish_frame(wide.getvalue())


def test_the_garbage_collector_is_the_programs_own() -> None:
    """Its settings hold for the whole process, so a stream leaves them as they are."""
    before = gc.get_threshold(), gc.isenabled()
    frozen = gc.get_freeze_count()
    with Stream.open(overrides=quiet()) as stream, viewing(stream):
        assert (gc.get_threshold(), gc.isenabled()) == before
        assert gc.get_freeze_count() <= frozen  # some of what was frozen before may be freed


def test_four_threads_may_publish_at_once() -> None:
    """Each sequence number is used once, and they arrive in order without gaps."""
    each = 50

    def produce(name: str) -> None:
        start.wait(TIMEOUT_S)
        given[name] = []
        for _ in range(each):
            given[name].append(stream.publish_frame(tiny_png()))
            stream.publish_peripheral(name, {})

    start, given = threading.Barrier(4), dict[str, list[int]]()
    overrides = quiet(browser={"port": 0, "queue": {"size": 8 * each}})
    with Stream.open(overrides=overrides) as stream, viewing(stream) as viewer:
        threads = [threading.Thread(target=produce, args=(f"knob-{number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(TIMEOUT_S)
        viewer.take(8 * each)
        stats = stream.stats()
    assert sorted(number for numbers in given.values() for number in numbers) == list(range(1, 4 * each + 1))
    assert all(numbers == sorted(numbers) for numbers in given.values())
    topics = viewer.topics()
    assert topics.pop("frame") == list(range(1, 4 * each + 1))
    assert topics == {f"peripheral/{name}": list(range(1, each + 1)) for name in given}
    assert (stats.published, stats.frames) == (8 * each, 4 * each)


def test_stats_count_what_was_published_and_who_watches() -> None:
    """All counters can be read while the stream runs and after its end."""
    with Stream.open(overrides=quiet(null={"type": "null"})) as stream, viewing(stream) as viewer:
        stream.publish_frame(tiny_png())
        stream.publish_peripheral("knob", 1)
        viewer.take(2)
        browser = stream.stats().sinks[0]
        assert (browser.name, browser.state) == ("browser", "running")
        assert browser.client_totals is not None
        assert browser.client_totals.connected == 1
    stats = stream.stats()
    assert (stats.published, stats.frames, stats.sources) == (2, 1, ())
    assert stats.sinks[0].client_totals is not None
    assert (stats.sinks[0].client_totals.accepted, stats.sinks[0].client_totals.delivered.items) == (1, 2)
    for sink in stats.sinks:
        queue = sink.queue
        assert (queue.offered.items, queue.taken.items, queue.waiting.items) == (2, 2, 0)


def send(viewer: Viewer, **fields: object) -> None:
    viewer.connection.send(json.dumps({"kind": "control", **fields}))


def test_every_valid_control_message_is_handed_over_in_order() -> None:
    """A handler gets valid messages with defaults and the client; invalid ones never reach it."""
    got: queue.Queue[Control] = queue.Queue()
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.on_control(got.put)
        send(viewer, command="browse", browse_step=2)
        viewer.connection.send("nonsense")
        send(viewer, command="no_such_command")
        send(viewer, command="activate")
        viewer.connection.send(json.dumps({"kind": "control", "command": "alternate_activate"}).encode())
        send(viewer, command="sensor_update", sensor_key="k", sensor_value=1.5)
        send(viewer, command="text_update", text="hi")
        send(viewer, command="image_update", clear=True)
        send(viewer, command="emoji_update", emoji="heart")
        controls = [got.get(timeout=TIMEOUT_S) for _ in range(7)]
    expected = "browse activate alternate_activate sensor_update text_update image_update emoji_update"
    assert [control.command for control in controls] == expected.split()
    assert controls[0].fields == {"browse_step": 2}
    assert controls[1].fields == {"browse_step": 0}
    assert controls[3].fields == {"browse_step": 0, "sensor_key": "k", "sensor_value": 1.5, "clear": False}
    assert {control.client.sink for control in controls} == {"browser"}
    assert got.empty()


def test_a_handler_may_publish() -> None:
    """A handler can answer a control message on the stream."""
    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.on_control(lambda control: stream.publish_peripheral("echo", control.command))
        send(viewer, command="activate")
        assert peripheral_of(viewer.next()).data == "activate"


def test_handlers_finish_before_the_block_has_ended() -> None:
    """Messages that came in time are handled, although publishing is already closed."""
    busy, calls = threading.Event(), list[str]()

    def handle(control: Control) -> None:
        busy.set()
        try:
            stream.publish_frame(tiny_png())
        except ClosedError:
            calls.append("closed")
        else:
            calls.append("published")

    with Stream.open(overrides=quiet()) as stream, viewing(stream) as viewer:
        stream.on_control(handle)
        send(viewer, command="activate")
        assert busy.wait(TIMEOUT_S)
    assert len(calls) == 1


def test_a_sink_that_listens_nowhere_has_no_address() -> None:
    """The address of a sink without a port, and a missing sink, are LookupErrors."""
    with Stream.open(overrides=NULL_ONLY) as stream:
        with pytest.raises(LookupError, match="'null' does not listen"):
            _ = stream.sinks["null"].address
        with pytest.raises(KeyError, match=r"no sink 'nul' .* did you mean 'null'\? running are: null"):
            _ = stream.sinks["nul"]


def test_wrong_overrides_are_refused_before_anything_opens() -> None:
    """`Stream.open` itself raises, with all problems in one message."""
    wrong = quiet(browser={"port": "many", "hots": "x"}, tape={"type": "recoder"})
    with pytest.raises(SettingsError) as caught:
        Stream.open(overrides=wrong)
    text = str(caught.value)
    assert "sinks.browser.port" in text
    assert "did you mean 'host'?" in text
    assert "recoder" in text
    assert len(caught.value.problems) == 3
    assert all(problem.where == "overrides" for problem in caught.value.problems)
    assert caught.value.__notes__ == ["More: beats docs settings"]


def test_an_unknown_variable_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A misspelt variable is logged with the nearest known name."""
    monkeypatch.setenv("BEATS_SINKS__BROWSER__PROT", "1")
    with pytest.raises(SettingsError):
        Stream.open(overrides=NULL_ONLY)
    monkeypatch.delenv("BEATS_SINKS__BROWSER__PROT")
    monkeypatch.setenv("BEATS_STREAM_QUEUE_SIZ", "1")
    Stream.open(overrides=NULL_ONLY)
    assert "did you mean BEATS_STREAM_QUEUE_SIZE?" in caplog.text


def test_a_port_in_use_is_a_clear_error_and_leaves_nothing() -> None:
    """`with` raises StartError with sink, address and reason; the other sinks are closed again.

    It is the person's to mend: the message names setting, variable and page, and nothing of our threads and
    tasks is in its way.
    """
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        threads = threading.enumerate()
        overrides = quiet(browser={"port": port, "host": "127.0.0.1"}, null={"type": "null"})
        opening = Stream.open(overrides=overrides)
        with pytest.raises(StartError, match=r"sink 'browser' could not start: .*in use") as caught, opening:
            pytest.fail("the block must not run")
        assert str(port) in str(caught.value)
        shown = "".join(traceback.format_exception(caught.value))
        assert (shown.count("Traceback"), "threads.py" in shown) == (1, False), shown
        for what in ("sinks.browser.port", "BEATS_SINKS__BROWSER__PORT", str(port + 1)):
            assert what in str(caught.value)
        assert "[Errno" not in str(caught.value)
        assert shown.splitlines()[-1] == f"More: beats docs {PAGE}"
        assert threading.enumerate() == threads
    with Stream.open(overrides=overrides) as stream:  # now that it is free
        assert stream.sinks["browser"].address.port == port


def test_a_sink_with_a_fault_of_its_own_shows_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is the developer's to mend: the traceback leads to the line."""
    broken = STUCK_SINK.replace("await queue.take(1)", "1 / 0").replace("Stuck", "Broken")
    install_adapter(tmp_path, "sinks", "broken", broken, monkeypatch)
    opening = Stream.open(overrides=quiet(broken={"type": "broken"}))
    with pytest.raises(StartError, match="'broken' could not start: ZeroDivisionError") as caught:
        opening.start()
    assert "    1 / 0\n" in "".join(traceback.format_exception(caught.value))


def test_a_sink_that_is_not_required_comes_when_it_can() -> None:
    """A port in use does not stop the program; viewers connect once it is free, and get the last values."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        browser = {"port": taken.getsockname()[1], "host": "127.0.0.1", "required": False}
        overrides = {**quiet(browser=browser, null={"type": "null"}), "kernel": {"restart_initial_s": 0.05}}
        opening = Stream.open(overrides=overrides)
        with ExitStack() as stack:
            stream = stack.enter_context(opening)
            failed = {sink.name: sink for sink in stream.stats().failed()}["browser"]
            assert "in use" in failed.last_error
            with pytest.raises(LookupError):
                _ = stream.sinks["browser"].address
            assert stream.publish_peripheral("knob", 1) == 1
            taken.close()
            until(lambda: not stream.stats().failed())
            with watching(url(stream)) as viewer:
                assert viewer.next().topic == "peripheral/knob"


def test_the_end_delivers_and_says_goodbye() -> None:
    """A viewer gets all that was published in the block, and then a close frame with code 1001."""
    with Stream.open(overrides=quiet()) as stream:
        client = viewing(stream)
        viewer = client.__enter__()
        for number in range(10):
            stream.publish_frame(tiny_png(number))
    assert [frame_of(envelope) for envelope in viewer.take(10)] == [tiny_png(n) for n in range(10)]
    with pytest.raises(ConnectionClosed):
        viewer.next()
    assert viewer.connection.close_code == 1001
    client.__exit__(None, None, None)


def test_an_opening_runs_once() -> None:
    """Opening the same stream again raises, instead of giving a closed stream."""
    opening = Stream.open(overrides=NULL_ONLY)
    with opening as stream:
        assert stream.publish_frame(tiny_png()) == 1
    with pytest.raises(RuntimeError, match=r"call Stream\.open again"), opening:
        pytest.fail("the block must not run")


def test_several_streams_run_side_by_side() -> None:
    """Two streams in one program have separate ports, sequence numbers and viewers."""
    with Stream.open(overrides=quiet()) as one, Stream.open(overrides=quiet()) as two:
        assert url(one) != url(two)
        with viewing(one) as first, viewing(two) as second:
            one.publish_frame(tiny_png(1))
            two.publish_frame(tiny_png(2))
            assert frame_of(first.next()) == tiny_png(1)
            assert frame_of(second.next()) == tiny_png(2)


def write_profile(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / f"{name}.toml").write_text(text)


SILENT = "[sources.demo]\nenabled = false\n[sinks.browser]\nenabled = false\n"


def test_a_profile_is_found_in_a_folder(tmp_path: Path) -> None:
    """That of `config_dir`, or `./config`; an unknown profile is a SettingsError."""
    write_profile(tmp_path / "mine", "show", SILENT + '[sinks.void]\ntype = "null"\n')
    for folder in (tmp_path / "mine", str(tmp_path / "mine")):
        with Stream.open("show", config_dir=folder) as stream:
            assert list(stream.sinks) == ["void"]
    write_profile(tmp_path / "config", "show", SILENT + '[sinks.void]\ntype = "null"\n')
    with Stream.open(profile="show") as stream:
        assert list(stream.sinks) == ["void"]
    with pytest.raises(SettingsError, match="did you mean 'show'"):
        Stream.open(profile="shaw")


def test_the_profiles_sources_run_and_their_end_ends_nothing(tmp_path: Path) -> None:
    """The sources of the profile publish too, and the stream stays open after they end."""
    (tmp_path / "updates.jsonl").write_text('{"id": "knob", "data": 1}\n')
    overrides = {
        **quiet(),
        "sources": {"demo": {"enabled": False}, "file": {"type": "jsonl", "path": "updates.jsonl"}},
    }
    with Stream.open(overrides=overrides) as stream, viewing(stream) as viewer:
        assert viewer.next().topic == "peripheral/knob"
        assert stream.publish_peripheral("knob", 2) == 2
        assert viewer.next().sequence == 2
        while stream.stats().sources[0].state != "ended":
            viewer.connection.ping().wait(TIMEOUT_S)
        stream.publish_frame(tiny_png())
        assert viewer.next().kind == "frame"


@pytest.mark.usefixtures("stuck_sink")
@pytest.mark.parametrize("overflow", ["error", "block"])
def test_a_full_queue_reaches_the_producer_that_asked_for_it(overflow: str) -> None:
    """With `error` and `block`, publishing raises QueueFull, and all other sinks get the envelope."""
    with Stream.open(overrides=stuck(overflow)) as stream, viewing(stream) as viewer:
        published = 0

        def publish_three() -> None:  # one that it took, one that waits, and one too many
            nonlocal published
            for _ in range(3):
                published += 1
                stream.publish_frame(tiny_png())

        with pytest.raises(QueueFull, match="sink 'stuck': queue of 1 refused 'frame'") as caught:
            publish_three()
        assert (caught.value.sink, caught.value.size, caught.value.sequence) == ("stuck", 1, published)
        assert [envelope.sequence for envelope in viewer.take(published)] == list(range(1, published + 1))


def test_a_thread_that_waits_for_room_is_told_of_the_end(stuck_sink: Path) -> None:
    """A producer that waits for a full `block` queue gets QueueFull when the stream ends."""
    overrides = stuck("block")
    overrides["sinks"]["stuck"]["queue"]["block_timeout_s"] = 600.0
    outcome: queue.Queue[BaseException] = queue.Queue()

    def produce() -> None:
        try:
            while True:
                stream.publish_frame(tiny_png())
        except (QueueFull, ClosedError) as error:
            outcome.put(error)

    with Stream.open(overrides=overrides) as stream, viewing(stream) as viewer:
        thread = threading.Thread(target=produce)
        thread.start()
        viewer.take(3)  # the third is on the bus, so its producer is in line, or about to be
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()
    assert isinstance(outcome.get(timeout=TIMEOUT_S), QueueFull | ClosedError)


# Programs that die: each prints its threads after the block, and then goes the way Python goes.

PROGRAM = """
import json, sys, threading
from beats.app import Stream

def wait():
    print("ready", stream.sinks["browser"].address.port, flush=True)
    threading.Event().wait()

try:
    with Stream.open(overrides=json.loads({overrides!r})) as stream:
        stream.on_control(print)
        stream.publish_frame({png!r})
        {body}
finally:
    print("threads", [thread.name for thread in threading.enumerate()], flush=True)
"""


def program(body: str, overrides: Mapping[str, Any]) -> str:
    return PROGRAM.format(overrides=json.dumps(overrides), png=tiny_png(), body=body)


@pytest.mark.parametrize(
    ("body", "code"),
    [("raise KeyboardInterrupt", -signal.SIGINT), ("raise RuntimeError", 1), ("sys.exit(3)", 3)],
)
def test_a_program_that_dies_in_the_block_ends_as_it_would_without(
    body: str, code: int, tmp_path: Path
) -> None:
    """The exit code is Python's own, and no thread or process is left."""
    with python(program(body, quiet()), tmp_path) as running:
        assert running.end() == code
        assert running.out.text() == "threads ['MainThread']\n"
        assert running.leaves_nothing()


def test_an_interrupted_program_ends_promptly(tmp_path: Path) -> None:
    """SIGINT while the block waits ends the stream in order, and the program as an interrupted one."""
    with python(program("wait()", quiet()), tmp_path) as running:
        port = int(running.out.wait_for(r"ready (\d+)")[1])
        with watching(f"ws://localhost:{port}") as viewer:
            viewer.next()
            assert running.interrupt() == -signal.SIGINT
            with pytest.raises(ConnectionClosed):
                viewer.next()
            assert viewer.connection.close_code == 1001
        assert running.out.text().endswith("threads ['MainThread']\n")
        assert "KeyboardInterrupt" in running.err.text()
        assert running.leaves_nothing()


def test_a_second_interrupt_does_not_wait_for_sinks(stuck_sink: Path, tmp_path: Path) -> None:
    """SIGINT while sinks still deliver ends that."""
    overrides = {**stuck("drop_oldest"), "kernel": {"shutdown_timeout_s": 600.0}}
    code = program("wait()", overrides)
    with python(code, tmp_path, PYTHONPATH=str(stuck_sink)) as running:
        port = int(running.out.wait_for(r"ready (\d+)")[1])
        with watching(f"ws://localhost:{port}") as viewer:
            viewer.next()
            running.signal()
            with pytest.raises(ConnectionClosed):  # the first one has been heard
                viewer.next()
        assert running.interrupt() == -signal.SIGINT
        assert running.out.text().endswith("threads ['MainThread']\n")


# In a program's own event loop.


@asynccontextmanager
async def joined(stream: AsyncStream) -> AsyncGenerator[ClientConnection]:
    before = accepted(stream)
    async with connect(url(stream), close_timeout=TIMEOUT_S, proxy=None) as client:
        while accepted(stream) == before:
            await (await client.ping())
        yield client


async def received(client: ClientConnection) -> Sealed:
    message = await client.recv()
    assert isinstance(message, bytes)
    return CODEC.decode(message)


async def test_coroutines_and_threads_of_an_async_program_publish() -> None:
    """`async with` serves the program's own loop; `from_threads` has the blocking calls for threads."""
    async with Stream.open(overrides=quiet()) as stream, joined(stream) as client:
        assert await stream.publish_frame(tiny_png(1), captured_unix_ns=5) == 1
        assert await stream.publish_peripheral("knob", {"a": 1}, tags=["x"], location=Location()) == 1
        first, second = await received(client), await received(client)
    assert (frame_of(first), first.captured_unix_ns) == (tiny_png(1), 5)
    knob = peripheral_of(second)
    assert (knob.data, knob.tags[0].name, knob.location) == ({"a": 1}, "x", Location(0, 0, 0, ""))
    assert stream.stats().published == 2
    with pytest.raises(ClosedError):
        await stream.publish_frame(tiny_png())
    with pytest.raises(ClosedError):
        await stream.publish_peripheral("knob", 1)
    async with Stream.open(overrides=quiet()) as stream, joined(stream) as client:
        assert await stream.publish_frame(tiny_png()) == 1
        assert await to_thread.run_sync(stream.from_threads.publish_frame, tiny_png()) == 2
        assert await to_thread.run_sync(stream.from_threads.publish_peripheral, "knob", 1) == 1
        assert [(await received(client)).sequence for _ in range(3)] == [1, 2, 1]


async def test_a_handler_may_need_the_loop_of_an_async_program() -> None:
    """Handlers run in a thread, and the end of the block lets the loop run until they are done."""
    answered: list[str] = []
    loop = asyncio.get_running_loop()
    busy = asyncio.Event()

    async def answer(command: str) -> None:
        answered.append(command)

    def handle(control: Control) -> None:
        loop.call_soon_threadsafe(busy.set)
        asyncio.run_coroutine_threadsafe(answer(control.command), loop).result(TIMEOUT_S)

    async with Stream.open(overrides=quiet()) as stream, joined(stream) as client:
        stream.on_control(handle)
        await client.send(json.dumps({"kind": "control", "command": "activate"}))
        await client.send(json.dumps({"kind": "control", "command": "browse"}))
        await busy.wait()
    assert answered[0] == "activate"


@pytest.mark.usefixtures("stuck_sink")
@pytest.mark.parametrize("overflow", ["error", "block"])
async def test_a_full_queue_reaches_the_coroutine_that_published(overflow: str) -> None:
    """Awaited publishing raises QueueFull too; while `block` waits, the loop serves everyone else."""
    async with Stream.open(overrides=stuck(overflow)) as stream, joined(stream) as client:
        with pytest.raises(QueueFull, match="sink 'stuck'") as caught:  # noqa: PT012 - one of the three
            for _ in range(3):
                await stream.publish_frame(tiny_png())
        last = caught.value.sequence
        assert [(await received(client)).sequence for _ in range(last)] == list(range(1, last + 1))


async def test_an_async_opening_runs_once() -> None:
    """As with `with`, the same opening cannot be used again."""
    opening = Stream.open(overrides=NULL_ONLY)
    async with opening:
        pass
    with pytest.raises(RuntimeError, match=r"call Stream\.open again"):
        async with opening:
            pytest.fail("the block must not run")


@pytest.mark.parametrize("anyio_backend", ["trio"])
async def test_a_program_on_trio_is_served() -> None:
    """By sinks that need no asyncio; the WebSocket sink is a StartError that names the reason."""
    async with Stream.open(overrides=NULL_ONLY) as stream:
        assert await stream.publish_frame(tiny_png()) == 1
        assert await to_thread.run_sync(stream.from_threads.publish_frame, tiny_png()) == 2
        stream.on_control(print)
    (null,) = stream.stats().sinks
    assert (null.queue.taken.items, null.queue.waiting.items) == (2, 0)
    with pytest.raises(StartError, match="asyncio only"):
        async with Stream.open(overrides=quiet()):
            pytest.fail("the block must not run")
