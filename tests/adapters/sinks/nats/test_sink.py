"""The NATS sink, with a real server."""

import logging
import re
from collections.abc import AsyncGenerator
from contextlib import ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.nats.connection import Identity, NatsConnection, connect
from beats.adapters.nats.kept_values import KeptValues
from beats.adapters.nats.messages import Subjects, publish_command
from beats.adapters.nats.servers import server as server_at
from beats.adapters.sinks.nats import NatsSinkSettings
from beats.adapters.sinks.nats.sink import NatsSink
from beats.kernel.envelope import Envelope, Peripheral, Tag
from beats.kernel.errors import StartError
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.stats import SinkStats
from beats.kit.bounds import queue_bounds
from tests.adapters.sinks.batches import FakeBatches
from tests.adapters.sinks.websocket.support import exact
from tests.support import CODEC
from tests.support.nats import NatsServer, free_port
from tests.support.relay import Machine, linked, on_air, until

pytestmark = pytest.mark.anyio

ME = Identity("listener")


class Listener:
    """A subscriber to a whole stream, written with the plain library."""

    def __init__(self, connection: NatsConnection) -> None:
        self.connection = connection
        self.subjects: list[str] = []
        self.data: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self._changed = anyio.Event()

    async def hear(self, message: object) -> None:
        self.subjects.append(message.subject)  # type: ignore[attr-defined]
        self.data.append(message.data)  # type: ignore[attr-defined]
        self.headers.append(message.headers or {})  # type: ignore[attr-defined]
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, count: int) -> None:
        """Wait until this many messages have come."""
        while len(self.data) < count:
            await self._changed.wait()


@asynccontextmanager
async def listening(server: NatsServer, stream: str = "main", me: Identity = ME) -> AsyncGenerator[Listener]:
    connection = await connect(server_at(server.url), me)
    listener = Listener(connection)
    await connection.subscribe(f"beats.{stream}.>", listener.hear)
    await connection.answered()
    try:
        yield listener
    finally:
        await connection.close()


async def kept(server: NatsServer, stream: str = "main") -> dict[str, bytes]:
    """The last values that the server keeps."""
    connection = await connect(server_at(server.url), ME)
    try:
        values = KeptValues(Subjects("beats", stream))
        async with values.read(connection, Listener(connection).hear) as messages:
            return {message.subject: message.data for message in messages}
    finally:
        await connection.close()


async def kept_all(server: NatsServer, count: int, stream: str = "main") -> set[bytes]:
    """This many last values, once the server keeps them."""
    while len(found := await kept(server, stream)) < count:  # noqa: ASYNC110 - the server does not tell
        await anyio.sleep(0.02)
    return set(found.values())


def stats_of(machine: Machine) -> SinkStats:
    return machine.kernel.stats().sinks[0]


def confirmed(machine: Machine, count: int) -> bool:
    """Whether this many envelopes were sent and confirmed."""
    stats = stats_of(machine)
    return stats.queue.taken.items == count and not dict(stats.figures)["unconfirmed_bytes"]


async def test_each_envelope_is_sent_to_the_subject_of_its_topic(server: NatsServer, stream: str) -> None:
    """With number, time and run in its headers."""
    origin = Machine()
    origin.nats_sink(server.url, stream=stream, last_value=False)
    async with listening(server, stream) as listener, on_air(origin):
        origin.frame()
        origin.knob(1, id="a b")
        origin.knob(2, id="a b")
        await listener.until(3)
    assert listener.data == [each.encoded for each in origin.seen]
    assert listener.subjects == [
        f"beats.{stream}.frame",
        f"beats.{stream}.peripheral.a%20b",
        f"beats.{stream}.peripheral.a%20b",
    ]
    assert [headers["Beats-Sequence"] for headers in listener.headers] == ["1", "1", "2"]
    captured = [str(each.captured_unix_ns) for each in origin.seen]
    assert [headers["Beats-Captured-Unix-Ns"] for headers in listener.headers] == captured
    (run,) = {headers["Beats-Origin"] for headers in listener.headers}
    assert re.fullmatch(r"[0-9a-f]{16}", run)


async def test_a_missing_server_delays_nothing_else(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is logged once; fresh envelopes wait, and older ones are dropped."""
    server = NatsServer(tmp_path)
    origin = Machine()
    origin.nats_sink(server.url, reconnect_max_s=0.05)
    with ExitStack() as stack:
        async with on_air(origin):
            for number in range(1, 21):
                origin.knob(number)
                origin.frame(fill=bytes([number]))
            await until(lambda: caplog.records)
            stats = stats_of(origin)
            assert (stats.state, stats.queue.taken.items, stats.queue.waiting.items) == ("running", 0, 28)
            stack.enter_context(server)
            await until(lambda: confirmed(origin, 28))
            assert await kept_all(server, 2) == {each.encoded for each in origin.seen[-2:]}
    (warning,) = [each for each in caplog.records if each.levelno >= logging.WARNING]
    assert "no connection to nats://127.0.0.1" in warning.getMessage()
    assert "refused" in warning.getMessage()
    queue = stats_of(origin).queue
    assert exact(queue)
    assert [(drop.reason, drop.kind, drop.items) for drop in queue.drops] == [("drop_oldest", "frame", 12)]


async def test_unconfirmed_ones_are_sent_again(
    own_server: NatsServer, caplog: pytest.LogCaptureFixture
) -> None:
    """In order, before new ones; nothing is lost that has room in the queue."""
    caplog.set_level(logging.INFO)
    origin = Machine()
    sink = origin.nats_sink(own_server.url, reconnect_max_s=0.05)
    async with on_air(origin):
        origin.knob(1)
        await until(lambda: confirmed(origin, 1))
        own_server.freeze()
        for number in range(2, 6):
            origin.knob(number)
        await until(lambda: stats_of(origin).queue.waiting.items == 0)
        assert sink.metrics()["unconfirmed_bytes"] > 0
        own_server.kill()
        await until(lambda: not sink.metrics()["connected"])
        origin.knob(6)
        assert stats_of(origin).queue.waiting.items == 5
        own_server.start()
        async with listening(own_server):
            await until(lambda: sink.metrics()["reconnects_total"] == 1)
            origin.knob(7)
            await until(lambda: stats_of(origin).queue.waiting.items == 0)
            await until(lambda: not sink.metrics()["unconfirmed_bytes"])
        assert await kept(own_server) == {"beats.main.peripheral.knob": origin.seen[-1].encoded}
    queue = stats_of(origin).queue
    assert exact(queue)
    assert (queue.taken.items, queue.dropped.items) == (7, 0)
    lost = [each.getMessage() for each in caplog.records if "lost" in each.getMessage()]
    assert len(lost) == 1
    assert re.search(r"connected to nats://.* again, after \d", caplog.text)


async def test_a_too_large_envelope_is_logged_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the setting; others are sent, and another server may accept more."""
    with NatsServer(tmp_path, "max_payload: 2000") as server:
        origin = Machine()
        sink = origin.nats_sink(server.url, reconnect_max_s=0.05)
        async with on_air(origin):
            async with listening(server) as listener:
                for size_bytes in (100, 5000, 100, 6000, 100):
                    origin.frame(size_bytes)
                await until(lambda: len(set(listener.data)) == 3)
            assert [CODEC.decode(data).sequence for data in dict.fromkeys(listener.data)] == [1, 3, 5]
            assert sink.metrics()["oversized_total"] == 2
            (error,) = [each.getMessage() for each in caplog.records if each.levelno == logging.ERROR]
            assert re.search(r"frame number 2 has 5\d\d\d bytes, .* accepts 2000: .* max_payload", error)
            server.kill()
            with NatsServer(tmp_path, port=server.port) as roomy:
                async with listening(roomy) as listener:
                    await until(lambda: sink.metrics()["reconnects_total"] == 1)
                    origin.frame(5000)
                    await until(lambda: origin.seen[-1].encoded in listener.data)
    assert "2 envelopes were too large in all" in caplog.text


async def test_the_size_limit_includes_the_headers(tmp_path: Path) -> None:
    """A server closes the connection at one byte more."""
    with NatsServer(tmp_path, "max_payload: 3000") as server:
        origin = Machine()
        sink = origin.nats_sink(server.url)
        async with listening(server) as listener, on_air(origin):
            for size_bytes in range(2800, 3001):
                origin.frame(size_bytes)
                await until(lambda: stats_of(origin).queue.waiting.items == 0)
            await until(lambda: len(set(listener.data)) + sink.metrics()["oversized_total"] == 201)
        assert 0 < sink.metrics()["oversized_total"] < 201
        assert sink.metrics()["reconnects_total"] == 0


async def test_missing_last_values_are_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the reason; the stream goes on."""
    with NatsServer(tmp_path, jetstream=False) as server:
        origin = Machine()
        origin.nats_sink(server.url)
        async with listening(server) as listener, on_air(origin):
            origin.knob(1)
            await listener.until(1)
            await until(lambda: "last values are not kept" in caplog.text)
            origin.knob(2)
            await listener.until(2)
    (warning,) = [each.getMessage() for each in caplog.records if "last values" in each.getMessage()]
    assert "no JetStream" in warning
    assert "last_value = false" in warning


async def test_last_values_of_an_ended_origin_are_kept(server: NatsServer, stream: str) -> None:
    """However short its run was."""
    origin = Machine()
    origin.nats_sink(server.url, stream=stream)
    async with on_air(origin):
        origin.knob(1)
        origin.frame()
    assert set((await kept(server, stream)).values()) == {each.encoded for each in origin.seen}


async def test_last_values_can_be_switched_off(server: NatsServer, stream: str) -> None:
    """Then nothing is kept."""
    origin = Machine()
    origin.nats_sink(server.url, stream=stream, last_value=False)
    async with listening(server, stream) as listener, on_air(origin):
        origin.knob(1)
        await listener.until(1)
        assert await kept(server, stream) == {}


async def test_a_refused_login_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is logged, the password file is read again each time, and no secret is logged."""
    monkeypatch.setattr("beats.kit.link_status._REFUSED_PAUSE_S", 0.02)
    caplog.set_level(logging.DEBUG)
    (tmp_path / "password").write_text("wrong-hush")
    with NatsServer(tmp_path, 'authorization: { user: "ann", password: "right-hush" }') as server:
        origin = Machine()
        origin.nats_sink(server.url, user="ann", password_file=tmp_path / "password", reconnect_max_s=0.02)
        async with on_air(origin):
            await until(lambda: "refuses the login" in caplog.text)
            (tmp_path / "password").write_text("right-hush\n")
            async with listening(server, me=Identity("me", "ann", "right-hush")) as listener:
                origin.knob(1)
                await listener.until(1)
    said = [each for each in caplog.records if "refuses the login" in each.getMessage()]
    assert [each.levelno for each in said].count(logging.WARNING) == 1
    assert "set user and password, token or credentials_file" in said[0].getMessage()
    assert "hush" not in caplog.text


async def test_a_missing_permission_is_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With the subject, and what to permit."""
    config = 'authorization: { users: [ { user: "a", password: "b", permissions: { publish: "other.>" } } ] }'
    with NatsServer(tmp_path, config) as server:
        origin = Machine()
        sink = origin.nats_sink(server.url, user="a", password="b", last_value=False)
        async with on_air(origin):
            origin.knob(1)
            await until(lambda: sink.metrics()["refusals_total"] == 1)
    assert "let this user publish to beats.main.>" in caplog.text


async def test_a_frozen_server_is_given_up(own_server: NatsServer) -> None:
    """When it goes on, fresh envelopes have replaced old ones; nothing else waits for it."""
    origin = Machine()
    times_s: dict[str, Any] = {"silence_timeout_s": 0.2, "reconnect_max_s": 0.05, "connect_timeout_s": 0.2}
    sink = origin.nats_sink(own_server.url, **times_s)
    async with listening(own_server) as listener, on_air(origin):
        origin.frame()
        await listener.until(1)
        own_server.freeze()
        for number in range(2, 200):
            origin.frame(200_000, fill=bytes([number]))
        await until(lambda: not sink.metrics()["connected"])
        own_server.thaw()
        await until(lambda: origin.seen[-1].encoded in listener.data)
        assert len(listener.data) < 30
    queue = stats_of(origin).queue
    assert exact(queue)
    assert queue.dropped.items > 150


async def test_the_queue_may_end_before_there_is_a_server(caplog: pytest.LogCaptureFixture) -> None:
    """The sink ends at once; waiting envelopes count as lost."""
    origin = Machine()
    origin.nats_sink(f"nats://127.0.0.1:{free_port()}", reconnect_max_s=3600.0)
    async with on_air(origin, fail_after_s=4.0):  # less than kernel.shutdown_timeout_s
        origin.knob(1)
        await until(lambda: "no connection" in caplog.text)
    stats = stats_of(origin)
    assert (stats.state, stats.queue.dropped.items) == ("ended", 1)


def successor(origin: Machine, server: NatsServer, stream: str) -> tuple[NatsSink, QueueBounds]:
    """A sink that was not there when the stream began, and the bounds of its queue."""
    few = {"type": "nats", "servers": (server.url,), "stream": stream, "last_value": False}
    settings = NatsSinkSettings.model_validate(few)
    return NatsSink(settings, origin.context("relay")), queue_bounds(settings.queue)


async def test_a_successor_continues_the_stream(server: NatsServer, stream: str) -> None:
    """It has the same run, so edges see no gap and nothing twice."""
    origin = Machine()
    origin.nats_sink(server.url, stream=stream)
    async with listening(server, stream) as listener, on_air(origin):
        origin.knob(1)
        await listener.until(1)
        await origin.kernel.replace_sink("relay", *successor(origin, server, stream), hand_over=True)
        origin.knob(2)
        await listener.until(2)
        assert len({headers["Beats-Origin"] for headers in listener.headers}) == 1
    assert [CODEC.decode(data).sequence for data in dict.fromkeys(listener.data)] == [1, 2]


def has_reconnected(sink: NatsSink, times: int) -> bool:
    """By the count: a new connection can be there before anyone has seen that there was none."""
    return sink.metrics()["reconnects_total"] == times


async def test_a_cut_link_loses_nothing(server: NatsServer, stream: str) -> None:
    """Unconfirmed envelopes are sent again; edges recognise repeated ones by their number."""
    origin = Machine()
    async with linked(server.port) as link, listening(server, stream) as listener:
        sink = origin.nats_sink(f"nats://127.0.0.1:{link.port}", stream=stream, reconnect_max_s=0.05)
        async with on_air(origin):
            await until(lambda: sink.metrics()["connected"])
            for times in (1, 2, 3):
                for number in range(100):
                    origin.knob(number)
                    if number == 50:
                        link.cut()
                    await anyio.lowlevel.checkpoint()
                await until(partial(has_reconnected, sink, times))
            await until(lambda: origin.seen[-1].encoded in listener.data)
    found = [CODEC.decode(data).sequence for data in listener.data]
    assert set(found) == set(range(1, 301))
    assert list(dict.fromkeys(found)) == list(range(1, 301))


async def test_each_written_envelope_counts_for_the_latency(server: NatsServer, stream: str) -> None:
    """Once."""
    origin = Machine()
    sink, _ = successor(origin, server, stream)
    origin.knob(1)
    origin.frame()
    queue = Batches([origin.seen[0]], [origin.seen[1]])
    with anyio.fail_after(20):
        await sink.run(queue)
    assert queue.wrote == origin.seen
    assert queue.given_back == []


class Batches(FakeBatches):
    """A queue like the real one: `take(0)` returns only at its end."""

    async def take(self, max_items: int | None = None) -> list[Envelope]:
        if max_items == 0:
            await anyio.sleep_forever()
        return await super().take(max_items)


async def test_an_error_drops_its_batch(
    server: NatsServer, stream: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as lost, and the restarted sink goes on with the next one."""

    def faulty(subject: bytes, run: bytes, envelope: Envelope) -> tuple[bytes, int]:
        if envelope.kind == "frame":
            raise LookupError("a fault")
        return publish_command(subject, run, envelope)

    monkeypatch.setattr("beats.adapters.sinks.nats.sink.publish_command", faulty)
    origin = Machine()
    origin.nats_sink(server.url, stream=stream)
    async with listening(server, stream) as listener, on_air(origin):
        origin.frame()
        await until(lambda: stats_of(origin).restarts == 1)
        origin.knob(1)
        await listener.until(1)
    queue = stats_of(origin).queue
    assert exact(queue)
    assert [(drop.reason, drop.kind, drop.items) for drop in queue.drops] == [("failed", "frame", 1)]


async def test_an_unusable_file_stops_the_start() -> None:
    """Only the operator can correct that."""
    origin = Machine()
    origin.nats_sink("nats://127.0.0.1:1", token_file=Path("gone"))
    with pytest.raises(StartError, match="token_file 'gone' cannot be read"):
        await origin.kernel.run()


async def test_updates_without_an_id_reach_early_and_late_edges(server: NatsServer, stream: str) -> None:
    """Each kind of them has its own subject, number and last value."""
    origin, edge = Machine(), Machine()
    origin.nats_sink(server.url, stream=stream)
    source = edge.nats_source(server.url, stream=stream)
    async with on_air(origin, edge):
        await until(lambda: source.metrics()["connected"])
        for value in (1, 2):
            for tag in ("a", "b.c *"):
                origin.kernel.publisher.publish(Peripheral("", value, (Tag(tag, "rotary"),)))
        await until(lambda: len(edge.seen) == 4)
        values = await kept_all(server, 2, stream)
    assert [each.encoded for each in edge.seen] == [each.encoded for each in origin.seen]
    assert [(each.topic, each.sequence) for each in edge.seen] == [
        (f"peripheral/({tag}:rotary)", number) for number in (1, 2) for tag in ("a", "b.c *")
    ]
    assert values == {each.encoded for each in origin.seen[2:]}


async def test_dropped_last_values_reach_the_server(server: NatsServer, stream: str) -> None:
    """A late edge shows what was published, also of a sensor that sends once an hour."""
    origin = Machine()
    origin.nats_sink(server.url, stream=stream, queue={"size": 10})
    async with on_air(origin):
        origin.knob("alone", id="first")
        await until(lambda: confirmed(origin, 1))
        for number in range(300):
            origin.knob(number, id=f"s-{number}")
        await until(lambda: not dict(stats_of(origin).figures)["unconfirmed_bytes"])
        values = await kept_all(server, 301, stream)
        assert stats_of(origin).queue.dropped.items > 0
        assert exact(stats_of(origin).queue)
    assert values == {each.encoded for each in origin.seen}


async def test_an_added_relay_sends_earlier_last_values(server: NatsServer, stream: str) -> None:
    """They may not be published again for a long time."""
    origin = Machine()
    async with on_air(origin):
        origin.knob(1, id="quiet")
        origin.frame()
        async with listening(server, stream) as listener:
            await origin.kernel.add_sink_now("relay", *successor(origin, server, stream))
            origin.knob(2, id="loud")
            await listener.until(3)
    assert listener.data == [origin.seen[1].encoded, origin.seen[0].encoded, origin.seen[2].encoded]
