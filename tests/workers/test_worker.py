import socket
import sys

import anyio
import pytest

from beats.kernel.capabilities import Address
from beats.kernel.run.supervisor import Backoff
from beats.kernel.stats import Stats
from beats.workers.link import Link
from beats.workers.worker import Worker
from tests.workers.test_merge import of_worker

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


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


async def test_a_worker_is_ready_when_it_says_so() -> None:
    """Its addresses are known from then on, and a later failure is none of its start."""
    member = Worker(1)
    member.ready({"browser": Address("localhost", 1)})
    member.fail("too late")
    assert member.settled.is_set()
    assert (member.start_error, member.addresses["browser"].port) == ("", 1)


async def test_a_worker_that_could_not_start_says_why() -> None:
    """The first reason counts: what follows is only that it has ended."""
    member = Worker(1)
    member.fail("port in use")
    member.fail("it ended")
    assert member.settled.is_set()
    assert member.start_error == "port in use"


async def test_whoever_asks_waits_for_the_answer_to_that_question() -> None:
    """An older answer is taken note of, and is not it."""
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
    """Neither for one that ends meanwhile, nor for one that has no process."""
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


async def test_a_worker_that_tells_nothing_has_told_what_it_told_before() -> None:
    """Whoever asks waits for so long, and no longer."""
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
