"""The parent's side. Its workers only speak the protocol; real ones run in tests/system/test_workers.py."""

import json
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import anyio
import pytest

from beats.kernel.capabilities import Address, CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.ports import Publish
from beats.kernel.run.kernel import Kernel
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import SinkStats, Stats
from beats.kit.stats_json import plain
from beats.proto.codec import StreamCodec
from beats.workers.link import Link
from beats.workers.pool import Worker, WorkerPool
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
    """Each with its number in its log; counters are requested and needed of all, also at the end."""
    shown = Shown()
    async with worker_pool(tmp_path, READY + ANSWERS, Kernel(StreamCodec()), shown) as members:
        assert members.addresses["browser"].port == 9000
        await until(lambda: len(shown.lines) == 2)
    assert sorted(shown.lines) == [(1, "worker 1 begins"), (2, "worker 2 begins")]
    async with worker_pool(tmp_path, READY + ANSWERS, Kernel(StreamCodec())) as members:
        await until(lambda: browser(members).state == "running")
        full = await members.full_stats()
        assert full.sinks[0].queue.taken.items == 10
    assert browser(members).queue.taken.items == 10


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ('say("failed", error="port 9000 is in use", by_settings=False)\n', "port 9000 is in use"),
        ("raise SystemExit(3)\n", r"worker \d ended \(exit code 3\) before it was ready"),
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
    """Each client has a unique id; commands of sources are checked, and invalid ones are dropped."""
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
    told = [(control.command, dict(control.fields)) for control in heard]
    assert told == [("browse", {"browse_step": 1}), ("seek", {"to": 3})]
    assert heard[0].client.sink == "browser"
    assert heard[0].client.id > 1_000_000_000


async def test_a_worker_that_does_not_end_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The run still ends, and logs it."""
    monkeypatch.setattr("beats.workers.pool._END_S", 0.1)
    kernel = Kernel(StreamCodec())
    kernel.options = type(kernel.options)(shutdown_timeout_s=0.1)
    async with worker_pool(tmp_path, READY + "import time\ntime.sleep(3600)\n", kernel, workers=1):
        pass
    assert "worker 1 does not end: killing it" in caplog.text


async def begun(member: Worker, number: int = 1) -> Link:
    """Give it a process that has ended, and a link; gives the other end."""
    ours, theirs = socket.socketpair()
    process = await anyio.open_process([sys.executable, "-c", ""], stdin=None, stdout=None, stderr=None)
    assert process.stdin is None
    await process.wait()
    member.begin(process, await Link.over(ours), number)
    return await Link.over(theirs)


def hang_up(member: Worker, other: Link) -> None:
    assert member.link is not None
    member.link.close()
    other.close()


async def test_only_the_first_result_of_a_start_counts() -> None:
    """A worker that was ready did not fail to start; the first reason of one that failed stays."""
    good, bad = Worker(1), Worker(2)
    good.ready({"browser": Address("localhost", 1)})
    good.fail(StartError("too late"))
    assert (good.settled.is_set(), good.start_error, good.addresses["browser"].port) == (True, None, 1)
    bad.fail(first := StartError("port in use"))
    bad.fail(StartError("it ended"))
    assert (bad.settled.is_set(), bad.start_error) == (True, first)


async def test_a_question_waits_for_its_own_answer() -> None:
    """An older answer is stored, but does not end the wait."""
    member = Worker(1)
    other = await begun(member)
    answered: list[Stats | None] = []

    async def ask() -> None:
        await member.ask(True, 20)
        answered.append(member.report.stats)

    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            question = await anext(other.messages())
            assert (question["kind"], question["clients"]) == ("ask", True)
            member.told(of_worker(1), None)
            await anyio.wait_all_tasks_blocked()
            assert answered == []
            member.told(of_worker(2), question["number"])
    assert answered == [of_worker(2)]
    hang_up(member, other)


async def test_nobody_waits_for_a_worker_that_has_ended() -> None:
    """Nor for one without a process; the wait for a silent one is bounded, and its last counters stay."""
    member = Worker(1)
    with anyio.fail_after(20):
        await member.ask(True, 3600)
        other = await begun(member)
        async with anyio.create_task_group() as group:
            group.start_soon(member.ask, True, 3600)
            await anyio.wait_all_tasks_blocked()
            hang_up(member, other)
            member.end()
    assert member.link is None
    member = Worker(1)
    other = await begun(member)
    member.told(of_worker(), None)
    with anyio.fail_after(20):
        await member.ask(False, 0.01)
    assert member.report.stats == of_worker()
    hang_up(member, other)


async def test_a_worker_that_ended_leaves_what_it_had_counted() -> None:
    """Over all restarts, with growing pauses in between, and a reason in place of counters."""
    member = Worker(1)
    member.told(of_worker(5), None)
    first = member.lose("was killed (signal 9)", Backoff(0.5, 30))
    member.told(of_worker(3), None)
    second = member.lose("ended (exit code 1)", Backoff(0.5, 30))
    assert (first, second, member.restarts) == (0.5, 1.0, 2)
    assert member.gone is not None
    assert member.gone.sinks[0].queue.taken.items == 8
    assert (member.report.stats, member.report.why) == (None, "ended (exit code 1)")
