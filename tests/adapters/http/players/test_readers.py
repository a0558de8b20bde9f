"""Programs of others read the stream: FFmpeg's libraries, which OBS and VLC use too, and curl."""

import email
import shutil
from email.message import Message
from pathlib import Path
from typing import cast

import anyio
import av
import pytest
from anyio import to_thread

from tests.adapters.http.players.support import SINKS, on_air
from tests.adapters.sinks.websocket.support import until
from tests.support import picture

pytestmark = pytest.mark.anyio

CURL = shutil.which("curl")


@pytest.mark.parametrize("kind", SINKS)
async def test_ffmpeg_reads_the_stream_as_video(kind: str) -> None:
    """It finds out by itself what it is, and decodes each picture; the end is no error."""
    shades: list[int] = []

    def read(port: int) -> None:
        url = f"http://127.0.0.1:{port}/stream.mjpg?picture=cam&max_width=32"
        with av.open(url) as container:
            [stream] = container.streams.video
            assert (stream.codec_context.name, stream.width, stream.height) == ("mjpeg", 32, 24)
            for frame in container.decode(stream):
                shades.append(int(frame.to_ndarray(format="gray")[12, 16]))

    async with on_air(kind) as air, anyio.create_task_group() as group:
        group.start_soon(to_thread.run_sync, read, air.port)
        for shade in (40, 120, 200):
            while not any(abs(each - shade) < 4 for each in shades):
                air.show(picture("png", 64, 48, shade), "cam")
                await anyio.sleep(0.005)
        air.kernel.stop()


@pytest.mark.skipif(CURL is None, reason="there is no curl: on Debian, install the package curl")
async def test_curl_saves_the_stream(tmp_path: Path) -> None:
    """Byte for byte, up to its end, and it exits without an error."""
    assert CURL is not None
    head, out = tmp_path / "head", tmp_path / "stream"
    pictures = [picture("jpeg", 8, 8, shade) for shade in (10, 90)]
    async with on_air() as air:
        air.show(pictures[0])
        command = [CURL, "-sSN", "--dump-header", str(head), "--output", str(out)]
        async with await anyio.open_process([*command, f"http://127.0.0.1:{air.port}/stream.mjpg"]) as curl:
            await until(lambda: out.exists() and pictures[0] in out.read_bytes())
            air.show(pictures[1])
            air.kernel.stop()
            assert await curl.wait() == 0
    whole = email.message_from_bytes(head.read_bytes().partition(b"\r\n")[2] + out.read_bytes())
    parts = cast("list[Message]", whole.get_payload())
    assert list(dict.fromkeys(part.get_payload(decode=True) for part in parts)) == pictures
