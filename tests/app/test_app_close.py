"""The end of a stream that no `with` block closes."""

import queue
import socket
import threading
from pathlib import Path
from typing import Final

import pytest
from anyio import to_thread

from beats.app import AsyncStream, ClosedError, Control, Stream
from tests.recordings.support import messages
from tests.support import TIMEOUT_S, python, tiny_png, watching

OPEN: Final = {"sinks": {"browser": {"port": 0}}}


def port_of(stream: Stream | AsyncStream) -> int:
    return stream.sinks["browser"].address.port


def is_free(port: int) -> bool:
    try:
        socket.create_connection(("localhost", port), TIMEOUT_S).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_stream_runs_from_start_to_close() -> None:
    """All that was published is delivered, the port is free, no thread is left; later calls are refused."""
    threads = threading.enumerate()
    stream = Stream.open(overrides=OPEN).start()
    with watching(stream.sinks["browser"].address.url) as viewer:
        stream.publish_frame(tiny_png())
        assert viewer.next().sequence == 1
        stream.publish_frame(tiny_png())
        stream.close()
        assert viewer.next().sequence == 2
    assert is_free(port_of(stream))
    with pytest.raises(ClosedError, match="publish while it is open"):
        stream.publish_frame(tiny_png())
    with pytest.raises(ClosedError):
        stream.publish_peripheral("knob", 1)
    with pytest.raises(ClosedError):
        stream.on_control(print)
    assert stream.stats().published == 2
    stream.close()  # a second time it does nothing
    for thread in set(threading.enumerate()) - set(threads):
        thread.join(TIMEOUT_S)
    assert threading.enumerate() == threads


def test_a_block_may_close_its_stream_early() -> None:
    """The end of the block then does nothing."""
    with Stream.open(overrides=OPEN) as stream:
        stream.close()
        assert is_free(port_of(stream))


def test_a_handler_may_close_the_stream() -> None:
    """Its thread does not wait for itself."""
    closed = threading.Event()

    def close(control: Control) -> None:
        stream.close()
        closed.set()

    with Stream.open(overrides=OPEN) as stream, watching(stream.sinks["browser"].address.url) as viewer:
        stream.on_control(close)
        viewer.connection.send('{"kind": "control", "command": "activate"}')
        assert closed.wait(TIMEOUT_S)


def test_the_event_loop_cannot_close_its_own_stream() -> None:
    """The call would wait for itself, so it raises."""
    outcome: queue.SimpleQueue[object] = queue.SimpleQueue()

    def try_it() -> None:
        try:
            stream.close()
        except RuntimeError as error:
            outcome.put(str(error))

    with Stream.open(overrides=OPEN) as stream:
        stream._token.native_token.call_soon_threadsafe(try_it)  # type: ignore[attr-defined]  # pyright: ignore
        assert "another thread" in str(outcome.get(timeout=TIMEOUT_S))


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_stream_in_a_loop_is_closed_by_await() -> None:
    """By a coroutine or by a thread; the end of the block then does nothing."""
    async with Stream.open(overrides=OPEN) as stream:
        await stream.close()
        assert is_free(port_of(stream))
        await stream.close()
    async with Stream.open(overrides=OPEN) as stream:
        await to_thread.run_sync(stream.from_threads.close)
        assert is_free(port_of(stream))
        with pytest.raises(ClosedError):
            await stream.publish_frame(tiny_png())
        await to_thread.run_sync(stream.from_threads.close)


FORGETS: Final = """
import logging, threading
from beats.app import Stream
logging.basicConfig(format="%(levelname)s %(name)s %(message)s")
{open}
stream.publish_peripheral("knob", 1)
print("published", flush=True)
"""
STARTED: Final = """
tape = {"type": "recorder", "path": "a.mcap", "min_free_bytes": 0}
stream = Stream.open(overrides={"sinks": {"tape": tape}}).start()
"""
IN_A_THREAD: Final = """
opened = threading.Event()

def work():
    global stream
    with Stream.open() as stream:
        opened.set()
        threading.Event().wait()

threading.Thread(target=work, daemon=True).start()
opened.wait()
"""


@pytest.mark.parametrize(
    "code", [STARTED, IN_A_THREAD], ids=["without a block", "in a daemon thread's block"]
)
def test_a_program_that_forgets_its_stream_ends(code: str, tmp_path: Path) -> None:
    """Its sinks deliver what waits, and a warning says what to do."""
    with python(FORGETS.format(open=code), tmp_path, BEATS_WEBSOCKET_PORT="0") as running:
        assert running.end() == 0, running.err.text()
        assert running.out.text() == "published\n"
        assert running.err.text() == (
            "WARNING beats.app the stream was open when the program ended: call close(), or use `with`\n"
        )
    recorded = [message.sequence for path in tmp_path.glob("*.mcap") for message in messages(path)]
    assert recorded == ([1] if code is STARTED else [])
