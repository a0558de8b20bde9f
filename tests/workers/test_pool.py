"""The parent's side; its workers only speak its language, real ones run in tests/system/test_workers.py."""

import json
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import pytest

from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.ports import Publish
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import SinkStats
from beats.kit.stats_json import plain
from beats.proto.codec import StreamCodec
from beats.workers.pool import WorkerPool
from beats.workers.split import Relay, Share
from tests.adapters.sinks.websocket.support import until
from tests.workers.test_merge import of_worker

pytestmark = pytest.mark.anyio

FAKE: Final = """
import json, os, socket, sys
link = socket.socket(fileno=int(sys.argv[2]))
lines = link.makefile("r")
def say(kind, **content):
    link.sendall(json.dumps({"kind": kind, **content}).encode() + b"\\n")
start = json.loads(lines.readline())
STATS = json.loads(sys.argv[1])
print("worker", start["number"], "begins", file=sys.stderr, flush=True)
"""
READY: Final = 'say("ready", addresses={"browser": ["localhost", 9000, False]})\n'
ANSWERS: Final = """
for line in lines:
    message = json.loads(line)
    if message["kind"] == "ask":
        say("stats", number=message["number"], stats=STATS)
    elif message["kind"] == "stop":
        say("ended", stats=STATS)
        break
"""


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def _place(fields: Mapping[str, Any]) -> Mapping[str, object]:
    return {"to": int(fields["to"])}


class Seeking:
    """A source that takes a command."""

    commands: Mapping[str, CommandCheck] = MappingProxyType({"seek": _place})

    def command(self, control: Control) -> None: ...

    async def run(self, publish: Publish) -> None: ...


class Shown:
    """What workers have logged."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []

    def __call__(self, number: int, line: str) -> None:
        self.lines.append((number, line))


@asynccontextmanager
async def worker_pool(
    folder: Path, code: str, kernel: Kernel, shown: Shown | None = None, workers: int = 2
) -> AsyncGenerator[WorkerPool]:
    script = folder / "fake.py"
    script.write_text(FAKE + code)
    members = WorkerPool(
        [sys.executable, str(script), json.dumps(plain(of_worker()))],
        Share(Relay("nats://127.0.0.1:9", "test"), {"browser": 9000}, workers, {"profile": None}),
        ["browser"],
        kernel,
        Backoff(0.01, 0.1),
        shown or Shown(),
    )
    with anyio.fail_after(40):
        async with members.running():
            yield members


def browser(members: WorkerPool) -> SinkStats:
    return members.stats().sinks[0]


async def test_all_workers_are_on_air_before_anything_else_is(tmp_path: Path) -> None:
    """Each has its number, and what it logs is shown with it."""
    shown = Shown()
    async with worker_pool(tmp_path, READY + ANSWERS, Kernel(StreamCodec()), shown) as members:
        assert members.addresses["browser"].port == 9000
        await until(lambda: len(shown.lines) == 2)
    assert sorted(shown.lines) == [(1, "worker 1 begins"), (2, "worker 2 begins")]


async def test_counters_are_those_of_all_workers_also_at_the_end(tmp_path: Path) -> None:
    """Asked for again and again, anew when all is wanted, and told once more by a worker that ends."""
    async with worker_pool(tmp_path, READY + ANSWERS, Kernel(StreamCodec())) as members:
        await until(lambda: browser(members).state == "running")
        full = await members.full_stats()
        assert full.sinks[0].queue.taken.items == 10
    assert browser(members).queue.taken.items == 10


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ('say("failed", error="port 9000 is in use")\n', "port 9000 is in use"),
        ("raise SystemExit(3)\n", r"worker \d ended \(exit code 3\) before it could serve anybody"),
        ("os.kill(os.getpid(), 9)\n", r"worker \d was killed \(signal 9\) before"),
    ],
    ids=["says so", "ends", "is killed"],
)
async def test_a_worker_that_cannot_start_ends_the_run(tmp_path: Path, code: str, why: str) -> None:
    """With its reason, and no worker is left: the command says it and exits with 1."""
    with pytest.raises(ExceptionGroup) as caught:
        async with worker_pool(tmp_path, code, Kernel(StreamCodec())):
            raise AssertionError("it has begun")
    assert caught.group_contains(StartError, match=why)


async def test_a_worker_that_dies_is_started_again(tmp_path: Path) -> None:
    """Meanwhile health names it; afterwards its counters go on where they were."""
    dies_once = f"""
if not os.path.exists({str(tmp_path / "died")!r}) and start["number"] == 1:
    message = json.loads(lines.readline())
    say("stats", number=message["number"], stats=STATS)
    open({str(tmp_path / "died")!r}, "w").close()
    os.kill(os.getpid(), 9)
"""
    async with worker_pool(tmp_path, READY + dies_once + ANSWERS, Kernel(StreamCodec())) as members:
        await until(lambda: browser(members).restarts == 1)
        await until(lambda: browser(members).state == "running")
        queue = browser(members).queue
        assert (queue.taken.items, queue.waiting.items) == (15, 4)
        assert {drop.reason: drop.items for drop in queue.drops} == {"drop_oldest": 3, "failed": 2}


async def test_commands_of_clients_reach_the_parents_bus(tmp_path: Path) -> None:
    """Each client has a number of its own; what sources take is checked, and what is wrong left out."""
    says = """
if start["number"] == 1:
    for command, fields in (("browse", {"browse_step": 1}), ("seek", {"to": "no"}), ("seek", {"to": 3})):
        say("control", command=command, fields=fields, client=["browser", 5, "host:1"])
"""
    kernel, heard = Kernel(StreamCodec()), list[Control]()
    kernel.bus.connect("control", heard.append)
    kernel.add_source("replay", Seeking())
    async with worker_pool(tmp_path, READY + says + ANSWERS, kernel):
        await until(lambda: len(heard) == 2)
    assert [(control.command, dict(control.fields)) for control in heard] == [
        ("browse", {"browse_step": 1}),
        ("seek", {"to": 3}),
    ]
    assert heard[0].client.sink == "browser"
    assert heard[0].client.id > 1_000_000_000


async def test_a_worker_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run ends all the same, and says so."""
    monkeypatch.setattr("beats.workers.pool._END_S", 0.1)
    kernel = Kernel(StreamCodec())
    kernel.options = type(kernel.options)(shutdown_timeout_s=0.1)
    async with worker_pool(tmp_path, READY + "import time\ntime.sleep(3600)\n", kernel, workers=1):
        pass
    assert "worker 1 does not end, and is killed" in caplog.text
