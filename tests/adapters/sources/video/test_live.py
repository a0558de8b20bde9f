"""Cameras on the network: cut, silent and garbled connections, and what comes back after them."""

import io
import itertools
import os
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import anyio
import pytest
import trustme
from PIL import Image

from beats.adapters.sources.video.live import PacketQueue
from beats.kernel.envelope import Envelope, Frame
from beats.kernel.run.kernel import Kernel, KernelOptions
from beats.kernel.run.supervisor import Backoff
from beats.kernel.waker import Waker
from beats.proto.codec import StreamCodec
from tests.adapters.sources.video.support import Recorder, plain, source, write
from tests.support import until
from tests.support.cameras import Camera, Serve, mjpeg, rtsp

PAUSE_S: Final = 0.02
"""Between two pictures of a camera."""
BEFORE: Final = 4
"""Pictures until a connection fails."""


def jpeg(number: int) -> bytes:
    file = io.BytesIO()
    plain([number])[0].save(file, "JPEG")
    return file.getvalue()


def slowly(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """As a camera sends them, without end."""
    for piece in pieces:
        yield piece
        time.sleep(PAUSE_S)


def motion(count: int | None = None) -> Iterator[bytes]:
    return slowly(jpeg(number) for number in itertools.islice(itertools.count(), count))


def transport_stream() -> bytes:
    file = io.BytesIO()
    write(file, plain(range(50)), format="mpegts")
    return file.getvalue()


def ts(stream: bytes, count: int | None = None) -> Iterator[bytes]:
    """So many pieces of a stream of two seconds, or all."""
    pieces = (stream[at : at + 1316] for at in range(0, len(stream), 1316))
    return slowly(itertools.islice(pieces, count))


def cut(send: Callable[[socket.socket], None]) -> Serve:
    """Send something, then close with a reset, as a camera that loses its power does not even do."""

    def turn(connection: socket.socket) -> None:
        send(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")

    return turn


def silent(send: Callable[[socket.socket], None]) -> Serve:
    """Send something, then nothing more until the other side closes."""

    def turn(connection: socket.socket) -> None:
        send(connection)
        connection.recv(65536)
        connection.recv(1)

    return turn


def garbage(connection: socket.socket) -> None:
    """An answer that is no video."""
    connection.recv(65536)
    connection.sendall(b"HTTP/1.0 200 OK\r\n\r\n" + bytes(range(256)) * 400)


def some_motion(connection: socket.socket) -> None:
    mjpeg(connection, motion(BEFORE))


def endless_motion(connection: socket.socket) -> None:
    mjpeg(connection, motion())


STREAM: Final = transport_stream()


def some_ts(connection: socket.socket) -> None:
    rtsp(connection, ts(STREAM, 12))


def all_ts(connection: socket.socket) -> None:
    rtsp(connection, ts(STREAM))


async def until_back(url: str, connections: Callable[[], int]) -> tuple[list[Envelope], str]:
    """Run the source in a kernel until a picture of the second connection came: all, and the fault."""
    options = KernelOptions(backoff=Backoff(0.01, 0.05))
    kernel, came, waker, found = (
        Kernel(StreamCodec(), options=options),
        anyio.Event(),
        Waker(),
        list[Envelope](),
    )

    def take(envelope: Envelope) -> None:
        found.append(envelope)
        if connections() >= 2 and len(found) > BEFORE:
            waker.ring(came.set)

    held = kernel.bus.connect("frame", take)
    kernel.add_source("cam", source(input=url, silence_timeout_s=0.3))
    faults: list[str] = []
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            await came.wait()
            faults.append(kernel.stats().sources[0].last_error)
            group.cancel_scope.cancel()
    assert held
    return found, faults[0]


@pytest.mark.parametrize(
    ("scheme", "turns", "fault"),
    [
        ("http", [cut(some_motion), endless_motion], r"ended|reset"),
        ("http", [silent(some_motion), endless_motion], "no data for 0.3 s"),
        ("http", [silent(lambda connection: None), endless_motion], "no data for 0.3 s"),
        # On a busy machine FFmpeg may look at the garbage for longer than an answer may take.
        ("http", [garbage, endless_motion], "OSError|ConnectionError|InputError|no data for 0.3 s"),
        ("rtsp", [cut(some_ts), all_ts], r"ended|reset"),
        ("rtsp", [silent(some_ts), all_ts], "no data for 0.3 s"),
    ],
    ids=["http cut", "http silent", "http dead", "http garbage", "rtsp cut", "rtsp silent"],
)
def test_a_camera_comes_back(scheme: str, turns: list[Serve], fault: str) -> None:
    """The fault is noticed in bounded time and named, and pictures come from the next connection."""
    with Camera(turns) as camera:
        url = f"{scheme}://user:secret@127.0.0.1:{camera.port}/stream"
        found, said = anyio.run(until_back, url, lambda: camera.connections)
    assert re.search(fault, said), said
    assert "secret" not in said
    pictures = [envelope.message for envelope in found if isinstance(envelope.message, Frame)]
    assert {frame.media_type for frame in pictures} == {"image/jpeg" if scheme == "http" else "image/png"}
    assert Image.open(io.BytesIO(pictures[-1].data)).size == (64, 48)


@pytest.mark.parametrize("trusted", [None, "own", "other"])
def test_a_certificate_is_checked_only_if_that_is_asked_for(trusted: str | None, tmp_path: Path) -> None:
    """Most cameras sign theirs themselves; with `tls_verify` the camera has to be the right one."""
    authorities = {"own": trustme.CA(), "other": trustme.CA()}
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issued = authorities["own"].issue_cert("localhost")
    issued.configure_cert(context)  # pyright: ignore  # it also takes pyOpenSSL's, which is not installed
    options: dict[str, str | int] = {}
    if trusted is not None:
        authorities[trusted].cert_pem.write_to_path(tmp_path / "ca.pem")
        options = {"tls_verify": 1, "ca_file": str(tmp_path / "ca.pem")}

    def serve(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as encrypted:
            endless_motion(encrypted)

    async def main() -> None:
        seen = Recorder()
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                tested = source(input=f"https://localhost:{camera.port}/", options=options)
                group.start_soon(tested.run, seen)
                await seen.come(1)
                group.cancel_scope.cancel()

    with Camera([serve]) as camera:
        if trusted == "other":
            with pytest.raises(ExceptionGroup) as raised:
                anyio.run(main)
            assert raised.group_contains(OSError, match=r"https://localhost:\d+/: ")
        else:
            anyio.run(main)


def test_a_source_that_waits_for_its_camera_ends_at_once() -> None:
    """Its thread ends when the camera's time is over, and no second one is started until then."""

    async def main() -> None:
        tested = source(input=f"http://127.0.0.1:{camera.port}/", silence_timeout_s=1.2)
        with anyio.move_on_after(0.1):
            await tested.run(Recorder())
        began_s = time.monotonic()
        with pytest.raises(OSError, match="its last attempt has not ended yet"):
            await tested.run(Recorder())
        assert time.monotonic() - began_s < 1

    with Camera([silent(lambda connection: None)]) as camera:
        began_s = time.monotonic()
        anyio.run(main)
        assert time.monotonic() - began_s < 2
    for thread in threading.enumerate():
        if thread.name == "beats-video-cam":
            thread.join(10)
            assert not thread.is_alive()


def test_waiting_for_a_camera_holds_up_nobody() -> None:
    """FFmpeg waits without the interpreter: other tasks run on."""

    async def main() -> int:
        turns: list[float] = []

        async def others() -> None:
            while True:
                await anyio.sleep(0.01)
                turns.append(anyio.current_time())

        async with anyio.create_task_group() as group:
            group.start_soon(others)
            tested = source(input=f"http://127.0.0.1:{camera.port}/", silence_timeout_s=0.3)
            with pytest.raises(TimeoutError, match=r"no data for 0\.3 s"):
                await tested.run(Recorder())
            group.cancel_scope.cancel()
        return len(turns)

    with Camera([silent(lambda connection: None)]) as camera:
        assert anyio.run(main) > 3


class Packet:
    """What the queue looks at of a packet."""

    def __init__(self, name: str, *, is_keyframe: bool = False, size: int = 1) -> None:
        self.name: Final = name
        self.is_keyframe: Final = is_keyframe
        self.size: Final = size


def waiting(queue: PacketQueue) -> list[str]:
    queue.close()
    taken: list[Any] = []
    while (arrived := queue.take()) is not None:
        taken.append(arrived.packet.name)
    return taken


def test_a_decoder_that_is_behind_goes_on_with_the_newest_key_frame() -> None:
    """What comes before it is skipped, and counted; what comes after it is needed to decode."""
    queue = PacketQueue()
    names = ["k1", "a", "b", "k2", "c"]
    skipped = [queue.put(Packet(name, is_keyframe=name.startswith("k")), 0) for name in names]
    assert skipped == [0, 0, 0, 3, 0]
    assert waiting(queue) == ["k2", "c"]


@pytest.mark.parametrize("size", [1, 1 << 20])
def test_what_waits_for_the_decoder_is_bounded(size: int) -> None:
    """In number and in bytes: when it is full, nothing is kept until the next key frame."""
    queue, most = PacketQueue(), min(256, 64 * 2**20 // size)
    skipped = [queue.put(Packet(str(number), size=size), 0) for number in range(most + 2)]
    assert skipped == [0] * most + [most + 1, 1]
    assert queue.put(Packet("key", is_keyframe=True), 0) == 0
    assert waiting(queue) == ["key"]


def test_a_named_pipe_is_opened_again_when_its_writer_has_ended(tmp_path: Path) -> None:
    """The kernel does so for what has failed; another film may come."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    recorder = Recorder()

    def write() -> None:
        with pipe.open("wb") as file:
            file.write(STREAM)
            file.flush()
            until(lambda: recorder.published)  # what comes last may be given up for the end

    writer = threading.Thread(target=write, daemon=True)
    writer.start()
    with pytest.raises(ConnectionError, match="pipe has ended"):
        anyio.run(source(input=pipe, pace="live").run, recorder)
    writer.join(20)
    assert recorder.published
