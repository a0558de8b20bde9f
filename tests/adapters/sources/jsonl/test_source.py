"""The source `jsonl`."""

import json
import logging
import os
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import anyio
import pytest
from pydantic import ValidationError

from beats.adapters.sources.jsonl import JsonlSettings
from beats.adapters.sources.jsonl.inputs import CHUNK_BYTES
from beats.adapters.sources.jsonl.source import JsonlSource
from beats.kernel.envelope import Message, Peripheral
from beats.kernel.errors import QueueFull
from beats.kernel.resources import Input, Resources
from beats.kernel.testing import PublishRecorder
from tests.adapters.sources.support import Awaited, context

pytestmark = pytest.mark.anyio
Write = Callable[[bytes], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes the input file, and gives its path."""

    def write(data: bytes) -> Path:
        (tmp_path / "a.jsonl").write_bytes(data)
        return tmp_path / "a.jsonl"

    return write


@pytest.fixture
def pipe() -> Generator[tuple[int, int]]:
    """The two ends of a pipe, of which the test closes the second."""
    ours, theirs = os.pipe()
    yield ours, theirs
    os.close(ours)


def line(number: int) -> bytes:
    return json.dumps({"id": "knob-1", "data": number}).encode() + b"\n"


def source_of(path: Path, **settings: object) -> JsonlSource:
    checked = JsonlSettings.model_validate({"type": "jsonl", "path": str(path), **settings})
    return JsonlSource(checked, context("sensor"))


async def published(path: Path, **settings: object) -> list[object]:
    """The data of all updates of an input."""
    publish = PublishRecorder()
    with anyio.fail_after(20):
        await source_of(path, **settings).run(publish)
    return data_of(publish)


def data_of(publish: PublishRecorder) -> list[object]:
    return [message.data for message in publish.messages if isinstance(message, Peripheral)]


@asynccontextmanager
async def reading(source: JsonlSource, *, ends: bool = False) -> AsyncGenerator[Awaited]:
    """A source that runs until the end of the block, or until its input ends."""
    publish = Awaited()
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(source.run, publish)
            yield publish
            if not ends:
                group.cancel_scope.cancel()


class Refusing(PublishRecorder):
    """Raises an error for each message with odd data."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    async def __call__(self, message: Message, *, captured_unix_ns: int | None = None) -> int:
        """Keep the message or raise."""
        assert isinstance(message, Peripheral)
        assert isinstance(message.data, int)
        if message.data % 2:
            raise self._error
        return await super().__call__(message, captured_unix_ns=captured_unix_ns)


async def test_each_line_of_a_file_is_published_in_order(write: Write) -> None:
    """Across many reads; a byte order mark is ignored, and the last line needs no newline."""
    path = write(b"\xef\xbb\xbf" + b"".join(map(line, range(5000))).rstrip())
    assert path.stat().st_size > 10 * CHUNK_BYTES
    assert await published(path) == list(range(5000))


async def test_the_capture_time_of_a_line_is_kept(write: Write) -> None:
    """Without one, the publisher sets it."""
    path = write(b'{"id": "a", "data": 1, "captured_unix_ns": 5}\n{"id": "a", "data": 1}\n')
    publish = PublishRecorder()
    await source_of(path).run(publish)
    assert [item.captured_unix_ns for item in publish.published] == [5, None]


async def test_an_invalid_line_is_reported_and_skipped(
    write: Write, caplog: pytest.LogCaptureFixture
) -> None:
    """The other lines are published; blank lines are counted but no fault."""
    path = write(line(1) + b"\n  \r\n" + b"oops\n" + line(2) + b'{"id": 3}\n' + line(4))
    assert await published(path) == [1, 2, 4]
    assert [record.getMessage() for record in caplog.records] == [
        f"source 'sensor', {path}: line 4 is skipped: not JSON: Expecting value at column 1",
        f"source 'sensor', {path}: line 6 is skipped: id must be a text, but is 3",
    ]
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


async def test_a_flood_of_bad_lines_is_counted(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """Ten lines in full, then counts, and the total at the end."""
    path = write(b"oops\n" * 2345)
    assert await published(path) == []
    assert len(caplog.records) == 14
    assert caplog.records[-1].getMessage().endswith("2345 bad lines in all")


async def test_a_long_line_is_skipped(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """It is reported once, with the setting."""
    path = write(line(1) + b"x" * 300_000 + b"\n" + line(2))
    assert await published(path, max_line_bytes=1000) == [1, 2]
    assert caplog.text.count("line 2 is skipped: it has more than max_line_bytes = 1,000") == 1
    assert len(caplog.records) == 1


@pytest.mark.parametrize("error", [TypeError("no such type"), ValueError("NaN"), RecursionError()])
async def test_data_that_cannot_be_encoded_are_reported_like_an_invalid_line(
    write: Write, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    """With the number of the line."""
    path = write(line(0) + line(1) + line(2))
    publish = Refusing(error)
    await source_of(path).run(publish)
    assert data_of(publish) == [0, 2]
    assert f"line 2 is skipped: {str(error) or 'RecursionError'}" in caplog.text


async def test_a_full_queue_does_not_end_it(write: Write, caplog: pytest.LogCaptureFixture) -> None:
    """The source counts and logs it, and goes on."""
    path = write(b"".join(map(line, range(100))))
    publish = Refusing(QueueFull("browser", "peripheral/knob-1", 1, 1, "it is full"))
    source = source_of(path)
    await source.run(publish)
    assert data_of(publish) == list(range(0, 100, 2))
    assert source.reports.counts["refused updates"] == 50
    assert "'browser'" in caplog.text


async def test_standard_input_is_read_as_it_arrives(pipe: tuple[int, int]) -> None:
    """Lines are published before the pipe is closed; its end ends the source."""
    ours, theirs = pipe
    source = JsonlSource(JsonlSettings(type="jsonl"), context(), stdin_fd=ours)
    async with reading(source, ends=True) as publish:
        os.write(theirs, line(1) + line(2)[:10])
        os.write(theirs, line(2)[10:])
        await publish.messages_to_be(2)
        os.write(theirs, line(3).rstrip())
        os.close(theirs)
    assert data_of(publish) == [1, 2, 3]


async def test_waiting_for_input_is_cancelled_at_once(pipe: tuple[int, int]) -> None:
    """No thread is left in a blocking read."""
    ours, theirs = pipe
    async with reading(JsonlSource(JsonlSettings(type="jsonl"), context(), stdin_fd=ours)) as publish:
        os.write(theirs, line(1))
        await publish.messages_to_be(1)
    os.set_blocking(ours, False)
    os.write(theirs, b"still ours")
    assert os.read(ours, 100) == b"still ours", "a thread was still reading"
    os.close(theirs)


async def test_a_fifo_takes_one_writer_after_another(tmp_path: Path) -> None:
    """An incomplete line ends with its writer."""
    path = tmp_path / "fifo"
    os.mkfifo(path)
    async with reading(source_of(path)) as publish:
        for number in range(3):
            await anyio.to_thread.run_sync(path.write_bytes, line(number).rstrip())
            await publish.messages_to_be(number + 1)
    assert data_of(publish) == [0, 1, 2]


async def test_a_followed_file_is_read_through_growth_rotation_and_rewriting(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """No line is lost or repeated; line numbers and byte order marks start again with each file."""
    path = tmp_path / "a.jsonl"
    async with reading(source_of(path, follow=True)) as publish:
        path.write_bytes(line(1) + line(2)[:5])
        await publish.messages_to_be(1)
        with path.open("ab") as file:
            file.write(line(2)[5:] + line(3).rstrip())
        await publish.messages_to_be(2)
        path.rename(path.with_name("a.jsonl.1"))
        path.write_bytes(b"\xef\xbb\xbf" + line(4) + b"oops\n" + line(5))
        await publish.messages_to_be(5)
        path.write_bytes(line(6) + line(7) + line(8) + b" " * 200 + line(9))
        await publish.messages_to_be(9)
    assert data_of(publish) == [1, 2, 3, 4, 5, 6, 7, 8, 9]
    assert [text for text in caplog.messages if "skipped" in text] == [
        f"source 'sensor', {path}: line 2 is skipped: not JSON: Expecting value at column 1"
    ]


async def test_other_tasks_run_while_lines_are_published(write: Write) -> None:
    """A large file does not block the event loop."""
    path = write(b"".join(map(line, range(1000))))
    seen: set[int] = set()
    publish = PublishRecorder()

    async def watch() -> None:
        while True:
            seen.add(len(publish.published))
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await source_of(path).run(publish)
        group.cancel_scope.cancel()
    steps = sorted(seen)
    assert max(after - before for before, after in pairwise(steps)) <= 64


async def test_a_worker_thread_reads_and_parses(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only publishing runs in the event loop."""
    threads: set[int] = set()
    read = os.read

    def watched(fd: int, count: int) -> bytes:
        if count == CHUNK_BYTES:
            threads.add(threading.get_ident())
        return read(fd, count)

    path = write(line(1))
    monkeypatch.setattr(os, "read", watched)
    assert await published(path) == [1]
    assert threads
    assert threading.get_ident() not in threads


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"path": ""}, "path"),
        ({"follow": True}, "follow is for files"),
        ({"follow": True, "path": "-"}, "follow is for files"),
        ({"max_line_bytes": 0}, "max_line_bytes"),
    ],
)
def test_invalid_settings_are_refused(wrong: dict[str, object], message: str) -> None:
    """Standard input cannot be followed, because it ends when its writer closes it."""
    with pytest.raises(ValidationError, match=message):
        JsonlSettings.model_validate({"type": "jsonl", **wrong})


@pytest.mark.parametrize(
    ("settings", "inputs"),
    [
        (JsonlSettings(type="jsonl", path="a"), (Input("path", Path("a")),)),
        (JsonlSettings(type="jsonl", path="a", follow=True), (Input("path", Path("a"), may_come=True),)),
        (JsonlSettings(type="jsonl"), ()),
    ],
)
def test_it_needs_its_file(settings: JsonlSettings, inputs: tuple[Input, ...]) -> None:
    """A followed file may come later; standard input is always there."""
    assert settings.resources("x") == Resources(inputs=inputs)
