"""The NATS source, with a real server and a real origin."""

import asyncio
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.nats.connection import NatsConnection
from beats.adapters.nats.kept_values import KeptValues
from beats.adapters.sinks.nats.sink import NatsSink
from beats.adapters.sources.nats import NatsSourceSettings
from beats.adapters.sources.nats.source import NatsSource
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.testing import PublishRecorder
from tests.adapters.nats.test_connection import connected
from tests.support import CODEC
from tests.support.nats import NatsServer
from tests.support.relay import Machine, cancelled, linked, on_air, until

pytestmark = pytest.mark.anyio

JPEG = Frame(b"\xff\xd8\xff\xe0 a JPEG", media_type="image/jpeg", width=4, height=3)
ODD_IDS = (".", "a.b", "*", ">", "ü 🎛", "%", "x" * 5000)


def content(machine: Machine) -> list[tuple[str, int, int, bytes]]:
    """All that a machine had on its bus, except the times."""
    return [(each.topic, each.sequence, each.captured_unix_ns, each.encoded) for each in machine.seen]


def arrived(sink: NatsSink) -> bool:
    """Whether the server has all that the sink has taken."""
    return bool(sink.metrics()["connected"]) and not sink.metrics()["unconfirmed_bytes"]


def last_error(machine: Machine) -> str:
    return machine.kernel.stats().sources[0].last_error


async def all_arrived(machine: Machine, sink: NatsSink) -> None:
    await until(lambda: not machine.kernel.stats().sinks[0].queue.waiting.items and arrived(sink))


def say(connection: NatsConnection, subject: str, data: bytes, headers: bytes = b"") -> None:
    block = b"NATS/1.0\r\n" + headers + b"\r\n"
    connection.write(
        [b"HPUB %b %d %d\r\n" % (subject.encode(), len(block), len(block) + len(data)), block, data, b"\r\n"]
    )


async def test_an_edge_has_what_the_origin_has(server: NatsServer, stream: str) -> None:
    """Byte for byte, in order, with numbers and times, for any ids."""
    origin, edge = Machine(), Machine()
    source = edge.nats_source(server.url, stream=stream)
    sink = origin.nats_sink(server.url, stream=stream)
    async with on_air(origin, edge):
        await until(lambda: arrived(sink) and source.metrics()["connected"])
        for number in range(50):
            origin.frame(20_000, fill=bytes([number]))
            for name in ODD_IDS:
                origin.knob(number, id=name)
                origin.kernel.publisher.publish(JPEG._replace(id=name))
            await all_arrived(origin, sink)
        await edge.sees(lambda: len(edge.seen) == len(origin.seen))
    assert content(edge) == content(origin)
    assert source.metrics() == {
        "connected": 0.0,
        "reconnects_total": 0.0,
        "missed_total": 0.0,
        "repeated_total": source.metrics()["repeated_total"],
        "dropped_total": 0.0,
        "unreadable_total": 0.0,
    }


async def test_a_late_edge_gets_the_last_values_at_once(server: NatsServer, stream: str) -> None:
    """The frame first; then the live stream, with nothing missing or doubled in between."""
    origin = Machine()
    sink = origin.nats_sink(server.url, stream=stream)
    async with on_air(origin):
        for name in ODD_IDS:
            origin.knob(0, id=name)
            origin.knob(1, id=name)
        origin.frame()
        await all_arrived(origin, sink)
        late = Machine()
        late.nats_source(server.url, stream=stream)
        async with on_air(late):
            await late.sees(lambda: len(late.seen) == len(ODD_IDS) + 1)
            assert late.seen[0].kind == "frame"
            assert {each.encoded for each in late.seen} == {
                each.encoded for each in origin.seen if each.sequence == 2
            } | {origin.seen[-1].encoded}


async def test_edges_that_join_under_load_miss_nothing(server: NatsServer, stream: str) -> None:
    """Live messages are complete, and never come before the last values, which may be slightly older."""
    origin = Machine()
    roomy = {"size": 100_000, "frame": {"size": 100_000}}
    sink = origin.nats_sink(server.url, stream=stream, queue=roomy)
    async with on_air(origin):
        await until(lambda: sink.metrics()["connected"])
        stop = anyio.Event()

        async def talk() -> None:
            number = 0
            while not stop.is_set():
                number += 1
                origin.knob(number, id=f"knob-{number % 7}")
                if number % 3 == 0:
                    origin.frame(1000)
                if number % 20 == 0:
                    await anyio.sleep(0.001)

        edges = [Machine() for _ in range(5)]
        latest: dict[str, bytes] = {}
        async with anyio.create_task_group() as group:
            group.start_soon(talk)
            for edge in edges:
                edge.nats_source(server.url, stream=stream, queue=roomy)
            async with on_air(*edges):
                for edge in edges:
                    await edge.sees_at_least(200)
                stop.set()
                await all_arrived(origin, sink)
                latest = {each.topic: each.encoded for each in origin.seen}
                for edge in edges:
                    await edge.sees_latest(latest)
    for edge in edges:
        for topic in latest:
            numbers = edge.numbers(topic)
            assert numbers == sorted(set(numbers))
            assert sum(second - first > 1 for first, second in pairwise(numbers)) <= 1


async def test_a_restarted_origin_continues_its_numbers(
    server: NatsServer, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """For viewers of the edge; a loss after the restart is still a gap."""
    caplog.set_level(logging.INFO)
    edge = Machine()
    source = edge.nats_source(server.url, stream=stream)
    async with on_air(edge):
        await until(lambda: source.metrics()["connected"])
        for _ in range(2):
            origin = Machine()
            origin.nats_sink(server.url, stream=stream)
            async with on_air(origin):
                for _ in range(4):
                    origin.frame()
                    await edge.sees_at_least(len(edge.seen) + 1)
    assert edge.numbers("frame") == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [CODEC.decode(data).sequence for data in edge.bytes_of("frame")] == list(range(1, 9))
    assert source.metrics()["missed_total"] == 0
    assert "the origin was restarted" in caplog.text


async def test_last_values_of_an_earlier_run_are_ignored(server: NatsServer, stream: str) -> None:
    """Such as of a sensor that the restarted origin no longer has."""
    for name in ("gone", "there"):
        origin = Machine()
        sink = origin.nats_sink(server.url, stream=stream)
        async with on_air(origin):
            origin.knob(1, id=name)
            await all_arrived(origin, sink)
    edge = Machine()
    edge.nats_source(server.url, stream=stream)
    async with on_air(edge):
        await edge.sees(lambda: edge.seen)
    assert [each.topic for each in edge.seen] == ["peripheral/there"]


async def test_two_origins_are_logged(
    server: NatsServer, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The newer one is followed, without alternating."""
    first, second, edge = Machine(), Machine(), Machine()
    sinks = [machine.nats_sink(server.url, stream=stream) for machine in (first, second)]
    edge.nats_source(server.url, stream=stream)
    async with on_air(edge, first, second):
        first.knob(1)
        await edge.sees(lambda: edge.values() == [1])
        second.knob(2)
        await edge.sees(lambda: edge.values() == [1, 2])
        first.knob(3)
        await all_arrived(first, sinks[0])
        second.knob(4)
        await edge.sees(lambda: edge.values() == [1, 2, 4])
    assert "another origin sends to this stream" in caplog.text
    assert "give each its own `stream`" in caplog.text


async def test_a_kernel_ignores_its_own_messages(server: NatsServer, stream: str) -> None:
    """A profile may send to the stream that it reads."""
    machine = Machine()
    sink = machine.nats_sink(server.url, stream=stream)
    source = machine.nats_source(server.url, stream=stream)
    async with on_air(machine):
        await until(lambda: source.metrics()["connected"])
        for number in range(20):
            machine.knob(number)
        await all_arrived(machine, sink)
        other = Machine()
        other.nats_sink(server.url, stream=stream)
        async with on_air(other):
            other.knob(99)
            await machine.sees(lambda: machine.values()[-1] == 99)
    assert machine.values() == [*range(20), 99]


async def test_a_ring_of_machines_is_stopped(server: NatsServer, stream: str) -> None:
    """Each relays what the other does; the restarts become rarer."""
    a, b = Machine(), Machine()
    a.nats_sink(server.url, stream=f"{stream}-a")
    b.nats_source(server.url, stream=f"{stream}-a")
    b.nats_sink(server.url, stream=f"{stream}-b")
    a.nats_source(server.url, stream=f"{stream}-b")
    async with on_air(a, b):
        a.knob(1)
        await until(lambda: "own envelopes come back" in last_error(a) + last_error(b))
    assert len(a.seen) < 50


async def test_invalid_messages_are_counted_and_logged(
    server: NatsServer, stream: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Live and among last values; valid ones are published."""
    origin, edge = Machine(), Machine()
    sink = origin.nats_sink(server.url, stream=stream)
    right = CODEC.seal(CODEC.prepare(Peripheral("knob", 1)), 1, 1)
    bad = [(f"beats.{stream}.frame", data) for data in (b"", b"\xff" * 100, right)]
    bad += [(f"beats.{stream}.{last}", right) for last in ("peripheral.other", "peripheral.%2e", "x.y.z")]
    bad += [(f"beats.{stream}.peripheral.knob", right[:-1])]
    async with connected(server) as speaker, on_air(origin):
        origin.knob("first", id="first")
        await all_arrived(origin, sink)
        for subject, data in bad:
            say(speaker, subject, data)
        assert await speaker.answered()
        source = edge.nats_source(server.url, stream=stream)
        async with on_air(edge):
            await until(lambda: source.metrics()["connected"])
            while source.metrics()["unreadable_total"] < len(bad) - 1:
                for subject, data in bad:
                    say(speaker, subject, data, b"Beats-Sequence: x\r\nBeats-Origin: \xff\r\n")
                assert await speaker.answered()
            origin.knob(2)
            await edge.sees(lambda: 2 in edge.values())
            assert edge.kernel.stats().sources[0].restarts == 0
    assert "source 'origin': 'beats." in caplog.text


async def test_after_a_cut_the_last_values_are_current(server: NatsServer, stream: str) -> None:
    """Missed envelopes are a logged gap; nothing is doubled."""
    origin, edge = Machine(), Machine()
    sink = origin.nats_sink(server.url, stream=stream)
    async with linked(server.port) as link:
        source = edge.nats_source(
            f"nats://127.0.0.1:{link.port}", stream=stream, silence_timeout_s=0.2, reconnect_max_s=0.05
        )
        async with on_air(origin, edge):
            await until(lambda: source.metrics()["connected"])
            for number in range(3):
                origin.knob(number)
                origin.knob(number, id="quiet")
            await edge.sees(lambda: len(edge.seen) == 6)
            link.hold()
            await until(lambda: not source.metrics()["connected"])
            for number in range(3, 10):
                origin.knob(number)
            await all_arrived(origin, sink)
            link.release()
            await edge.sees(lambda: edge.values()[-1] == 9)
            origin.knob(10)
            await edge.sees(lambda: edge.values()[-1] == 10)
    assert edge.numbers("peripheral/knob") == [1, 2, 3, 10, 11]
    assert edge.numbers("peripheral/quiet") == [1, 2, 3]
    assert source.metrics()["missed_total"] == 6


async def test_after_a_cut_live_messages_do_not_wait_for_last_values(
    server: NatsServer, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A distant server needs long to send those."""
    origin, edge = Machine(), Machine()
    sink = origin.nats_sink(server.url, stream=stream)
    read = KeptValues.read
    seen_before_the_state: list[object] = []

    @asynccontextmanager
    async def slow(self: KeptValues, *arguments: Any) -> AsyncGenerator[Any]:
        async with read(self, *arguments) as messages:
            if edge.seen:
                origin.knob(3)
                await edge.sees(lambda: edge.values()[-1] == 3)
                seen_before_the_state.extend(edge.values("peripheral/quiet"))
            yield messages

    monkeypatch.setattr(KeptValues, "read", slow)
    async with linked(server.port) as link:
        source = edge.nats_source(f"nats://127.0.0.1:{link.port}", stream=stream, reconnect_max_s=0.05)
        async with on_air(origin, edge):
            await until(lambda: source.metrics()["connected"])
            origin.knob(1)
            origin.knob(1, id="quiet")
            await edge.sees(lambda: len(edge.seen) == 2)
            link.cut()
            origin.knob(2, id="quiet")
            await all_arrived(origin, sink)
            await edge.sees(lambda: edge.values("peripheral/quiet")[-1] == 2)
    assert seen_before_the_state == [1]
    assert edge.numbers("peripheral/knob") == [1, 2]


async def test_a_connection_that_ends_during_a_ping_is_replaced_at_once(
    server: NatsServer, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer cannot come any more."""
    edge = Machine()
    answered = NatsConnection.answered
    asked = anyio.Event()

    async def hangs(self: NatsConnection) -> bool:
        if not source.metrics()["connected"]:
            return await answered(self)
        asked.set()
        await anyio.sleep_forever()
        raise AssertionError

    monkeypatch.setattr(NatsConnection, "answered", hangs)
    async with linked(server.port) as link:
        source = edge.nats_source(f"nats://127.0.0.1:{link.port}", stream=stream, silence_timeout_s=0.03)
        async with on_air(edge):
            await asked.wait()
            link.cut()
            await until(lambda: source.metrics()["reconnects_total"] == 1)


async def test_a_restarted_server_is_found_again(own_server: NatsServer) -> None:
    """The origin sends it the last values again, also for edges that connected meanwhile."""
    origin, edge, late = Machine(), Machine(), Machine()
    sink = origin.nats_sink(own_server.url, reconnect_max_s=0.05)
    source = edge.nats_source(own_server.url, reconnect_max_s=0.05)
    late.nats_source(own_server.url, reconnect_max_s=0.05)
    async with on_air(origin, edge):
        origin.knob(1, id="quiet")
        origin.knob(1)
        await edge.sees(lambda: len(edge.seen) == 2)
        await all_arrived(origin, sink)
        own_server.kill()
        origin.knob(2)
        async with on_air(late):
            own_server.start()
            await edge.sees(lambda: edge.values() == [1, 2])
            await late.sees(
                lambda: (
                    {each.topic: each.sequence for each in late.seen}
                    == {"peripheral/quiet": 1, "peripheral/knob": 2}
                )
            )
    assert source.metrics()["missed_total"] == 0
    assert len(edge.seen) == 3


async def test_without_last_values_it_begins_live(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """This is logged."""
    caplog.set_level(logging.INFO)
    with NatsServer(tmp_path, jetstream=False) as server:
        origin, edge = Machine(), Machine()
        origin.nats_sink(server.url)
        source = edge.nats_source(server.url)
        async with on_air(origin, edge):
            await until(lambda: source.metrics()["connected"])
            while not edge.seen:
                origin.knob(1)
                await anyio.sleep(0.01)
    assert "no last values to begin with: it has no JetStream" in caplog.text


async def test_a_missing_permission_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With what to permit; it tries again until it is permitted."""
    user = 'user: a, password: b, permissions: { subscribe: "_INBOX.>" }'
    with NatsServer(tmp_path, f"authorization: {{ users: [ {{ {user} }} ] }}") as server:
        edge = Machine()
        edge.nats_source(server.url, user="a", password="b", reconnect_max_s=0.05)
        async with on_air(edge):
            await until(lambda: "let this user subscribe to beats.main.>" in caplog.text)
            await until(lambda: "it may not listen" in caplog.text)


async def test_cancelled_at_any_moment_it_leaves_nothing_behind(server: NatsServer, stream: str) -> None:
    """Also while it reads last values."""
    before = len(asyncio.all_tasks())
    for count in range(0, 100, 3):
        source = NatsSource(
            NatsSourceSettings.model_validate({"type": "nats", "servers": (server.url,), "stream": stream}),
            Machine().context("origin"),
        )
        await cancelled(source.run, PublishRecorder(), steps=count)
    await anyio.wait_all_tasks_blocked()
    assert len(asyncio.all_tasks()) <= before
