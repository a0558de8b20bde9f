"""Snapshots from a program that embeds Beats."""

import gc
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio import to_thread

from beats.app import AsyncStream, Stream
from beats.kernel.errors import ClosedError
from tests.recordings.support import messages
from tests.support import quiet, tiny_png, until

pytestmark = pytest.mark.anyio
HELD = {"type": "recorder", "snapshot_s": 60.0, "path": "held/{part}.mcap", "min_free_bytes": 0}


@pytest.fixture(autouse=True)
def _in_a_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def overrides(**sinks: Any) -> dict[str, Any]:
    return quiet(browser={"enabled": False}, **sinks)


def is_taken(stream: Stream | AsyncStream) -> bool:
    """Whether the recorder has taken all that was published."""
    return not stream.stats().sinks[0].queue.waiting.items


def test_a_thread_takes_a_snapshot() -> None:
    """It gets a complete file with everything published until then, and the stream goes on."""
    with Stream.open(overrides=overrides(tape=HELD)) as stream:
        for number in range(5):
            stream.publish_frame(tiny_png(number))
        until(lambda: is_taken(stream))
        taken = stream.snapshot()
        assert list(taken) == ["tape"]
        assert [message.sequence for message in messages(taken["tape"])] == [1, 2, 3, 4, 5]
        assert stream.publish_frame(tiny_png()) == 6
        until(lambda: is_taken(stream))
        again = stream.snapshot()
        assert again["tape"] != taken["tape"]
        assert len(messages(again["tape"])) == 6
    assert len(list(Path("held").iterdir())) == 2


async def test_a_coroutine_takes_a_snapshot() -> None:
    """On either back end, and in threads; in the event loop itself the plain call would wait for itself."""
    async with Stream.open(overrides=overrides(tape=HELD)) as stream:
        await stream.publish_frame(tiny_png())
        while not is_taken(stream):
            await anyio.lowlevel.checkpoint()
        taken = await stream.snapshot()
        assert len(messages(taken["tape"])) == 1
        other = await to_thread.run_sync(stream.from_threads.snapshot)
        assert len(messages(other["tape"])) == 1
    async with Stream.open(overrides=overrides(tape=HELD)) as stream:
        with pytest.raises(RuntimeError, match="await it, or call it in a thread"):
            stream.from_threads.snapshot()


def test_a_stream_that_holds_nothing_says_what_to_set() -> None:
    """A recorder that records all the time holds none; after the end the stream is closed."""
    plain = {"type": "recorder", "path": "all.mcap", "min_free_bytes": 0}
    for settings, said in ((plain, "set snapshot_s"), (HELD, "'tape' has no envelopes in memory yet")):
        opening = Stream.open(overrides=overrides(tape=settings))
        with opening as stream, pytest.raises(LookupError, match=said):
            stream.snapshot()
    assert not Path("held").exists()
    with Stream.open(overrides=overrides(tape=HELD)) as stream:
        stream.publish_frame(tiny_png())
    with pytest.raises(ClosedError, match="call this while it is open"):
        stream.snapshot()
    gc.collect()  # a coroutine that was never awaited would be a warning


def test_a_file_that_cannot_be_written_is_an_os_error() -> None:
    """The stream goes on, and keeps its last seconds."""
    Path("held").touch()
    with Stream.open(overrides=overrides(tape=HELD)) as stream:
        stream.publish_frame(tiny_png())
        until(lambda: is_taken(stream))
        with pytest.raises(OSError, match="held"):
            stream.snapshot()
        Path("held").unlink()
        assert len(messages(stream.snapshot()["tape"])) == 1
