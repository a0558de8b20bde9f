"""A worker in this process, and a parent that is played by the test."""

import http.client
import json
import socket
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, NamedTuple

import anyio
import pytest
from anyio import to_thread
from websockets.asyncio.client import connect

from beats.kernel.stats import Playback, SourceStats, Stats
from beats.kit.stats_json import plain, stats_of
from beats.runtime.reader import Reader
from beats.workers.link import Link, Message
from beats.workers.serve import serve
from tests.support import quiet
from tests.workers.test_merge import PARENT, of_worker

pytestmark = pytest.mark.anyio
START = {
    "number": 1,
    "relay": ["nats://127.0.0.1:9", "workers-test"],
    "ports": {"browser": 0},
    "workers": 2,
    "settings": {},
}


@pytest.fixture(autouse=True)
def _nameless(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name of this process is as before afterwards."""
    monkeypatch.setattr("beats.kit.process._name", "")


def reader_of(settings: Mapping[str, Any]) -> Reader:
    return Reader(overrides=quiet(**settings.get("sinks", {})))


class Parent(NamedTuple):
    """The other end of the link."""

    link: Link
    messages: AsyncGenerator[Message]

    async def hear(self, kind: str) -> Message:
        """The next message of a kind."""
        async for message in self.messages:
            if message["kind"] == kind:
                return message
        raise AssertionError(f"no {kind!r}, and nothing more will come")


@asynccontextmanager
async def parent() -> AsyncGenerator[Parent]:
    ours, theirs = socket.socketpair()
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            link = await Link.over(ours)
            group.start_soon(serve, theirs.detach(), reader_of)
            messages = link.messages()
            yield Parent(link, messages)
            link.close()
            await messages.aclose()


def fetch(port: int, path: str) -> Any:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.request("GET", path)
        return json.loads(connection.getresponse().read())
    finally:
        connection.close()


async def knowing(port: int, command: str) -> Any:
    """What a worker tells the page, once it knows a command of the parent's."""
    while True:
        session = await to_thread.run_sync(fetch, port, "/api/session")
        if command in session["commands"]:
            return session


async def test_a_worker_listens_tells_where_and_ends_when_it_is_told_to() -> None:
    """Its last message has its counters, with or without a broker."""
    async with parent() as other:
        other.link.send("start", **START)
        addresses = (await other.hear("ready"))["addresses"]
        assert addresses["browser"][1] > 0
        other.link.send("stop")
        last = stats_of((await other.hear("ended"))["stats"])
        assert [sink.name for sink in last.sinks] == ["browser"]


async def test_a_worker_ends_when_its_parent_is_gone() -> None:
    """A killed parent leaves no worker; wrong settings are reported with all problems."""
    async with parent() as other:
        other.link.send("start", **START)
        await other.hear("ready")
    async with parent() as other:
        other.link.send("start", **{**START, "settings": {"sinks": {"browser": {"prot": 1}}}})
        assert "sinks.browser.prot" in (await other.hear("failed"))["error"]
        # The block hangs up, and ends only when the worker has.


async def test_a_worker_answers_for_everyone() -> None:
    """Page, health and counters show what the parent has sent, or sends on request."""
    playing = SourceStats("replay", "running", 0, "", 10, Playback(1.0, 60.0, 1.0, True, 0))
    everyone = replace(PARENT, sources=(playing,))
    async with parent() as other:
        other.link.send("start", **START)
        port = (await other.hear("ready"))["addresses"]["browser"][1]
        other.link.send("summary", stats=plain(everyone), commands=["replay_pause"])
        session = await knowing(port, "replay_pause")
        assert session["playback"]["replay"]["position_s"] == 1.0
        full = replace(everyone, sinks=of_worker().sinks)
        answers: list[Any] = []

        async def ask() -> None:
            answers.append(await to_thread.run_sync(fetch, port, "/api/stats"))

        async with anyio.create_task_group() as group:
            group.start_soon(ask)
            asked = await other.hear("ask")
            other.link.send("stats", number=asked["number"], stats=plain(full))
        assert stats_of(answers[0]["stats"]) == full


async def test_a_workers_clients_steer_the_parent() -> None:
    """Commands are passed on with their client; the parent checks some of them."""
    async with parent() as other:
        other.link.send("start", **START)
        port = (await other.hear("ready"))["addresses"]["browser"][1]
        other.link.send("summary", stats=plain(Stats(0, 0, (), ())), commands=["replay_seek"])
        await knowing(port, "replay_seek")
        async with connect(f"ws://127.0.0.1:{port}", proxy=None) as viewer:
            await viewer.send('{"kind": "control", "command": "browse", "browse_step": 2}')
            browse = await other.hear("control")
            await viewer.send('{"kind": "control", "command": "replay_seek", "position_s": 3}')
            seek = await other.hear("control")
        assert (browse["command"], browse["fields"]) == ("browse", {"browse_step": 2})
        assert browse["client"][:2] == ["browser", 1]
        assert (seek["command"], seek["fields"]) == ("replay_seek", {"position_s": 3})


async def test_a_worker_tells_its_counters_when_it_is_asked() -> None:
    """With every client, or without."""
    async with parent() as other:
        other.link.send("start", **START)
        port = (await other.hear("ready"))["addresses"]["browser"][1]
        async with connect(f"ws://127.0.0.1:{port}", proxy=None):
            other.link.send("ask", number=7, clients=True)
            answer = await other.hear("stats")
            other.link.send("ask", number=8, clients=False)
            short = await other.hear("stats")
    assert answer["number"] == 7
    (sink,) = stats_of(answer["stats"]).sinks
    (short_sink,) = stats_of(short["stats"]).sinks
    assert (len(sink.clients), len(short_sink.clients)) == (1, 0)
    assert short_sink.client_totals is not None
    assert short_sink.client_totals.connected == 1
