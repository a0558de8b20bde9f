"""How old the stream is that viewers read, as they tell by their pongs."""

from collections import Counter

import anyio
import anyio.to_thread
import pytest
from websockets.asyncio.client import connect

from beats.adapters.http.viewers import ViewerTimes
from beats.adapters.sinks.websocket import freshness
from beats.adapters.sinks.websocket.connection import StreamConnection
from beats.adapters.sinks.websocket.freshness import Recent, Turns, ViewerAge
from beats.config.settings import QueueSettings
from beats.kernel.envelope import Envelope, Kind
from beats.kernel.testing import FixedClock
from tests.adapters.sinks.websocket.support import (
    CLOSE,
    CODEC,
    PING,
    ROOMY,
    RawClient,
    Running,
    exact,
    frame,
    on_air,
    receive,
    settings,
    stalled_client,
    until,
    warnings,
)

pytestmark = pytest.mark.anyio


def connection_of(running: Running) -> StreamConnection:
    """The server's side of the only connection."""
    (connection,) = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
    assert isinstance(connection, StreamConnection)
    return connection


async def ping_behind(raw: RawClient, running: Running) -> bytes:
    """Publish an update, and read on up to the ping behind it; its content."""
    running.knob(1)
    opcode = content = None
    while opcode != PING:
        opcode, content = await anyio.to_thread.run_sync(raw.frame)
    assert content is not None
    return content


async def test_a_pong_tells_how_old_the_stream_is_that_a_viewer_reads() -> None:
    """From the bus until the pong. Until the first one, and for a viewer that sends none, it is unknown."""
    async with on_air() as running, stalled_client(running) as raw:
        before_s = anyio.current_time()
        content = await ping_behind(raw, running)
        assert (running.client().age_s, running.client().round_trip_s) == (None, None)
        assert running.totals.groups[0].age is None
        await anyio.sleep(0.03)
        raw.pong(content)
        await until(lambda: running.client().age_s is not None)
        age_s, round_trip_s = running.client().age_s, running.client().round_trip_s
        assert age_s is not None
        assert round_trip_s is not None
        assert 0.03 <= round_trip_s <= age_s <= anyio.current_time() - before_s
        (group,) = running.totals.groups
        assert group.age is not None
        assert (sum(group.age.counts), group.age.sum_s) == (1, age_s)
        assert group.round_trip is not None
        assert (sum(group.round_trip.counts), group.round_trip.sum_s) == (1, round_trip_s)


async def test_what_a_viewer_has_not_read_yet_ages_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """A viewer that freezes shows in its age at once, not only when it reads again."""
    monkeypatch.setattr(freshness, "PING_INTERVAL_S", 1e-6)
    async with on_air() as running, stalled_client(running) as raw:
        raw.pong(await ping_behind(raw, running))
        await until(lambda: running.client().age_s is not None)
        content = await ping_behind(raw, running)
        for _ in range(2):
            before_s = running.client().age_s or 0.0
            await until(lambda: (running.client().age_s or 0.0) > before_s + 0.02)  # noqa: B023
        raw.pong(content)
        await until(lambda: sum(running.totals.groups[0].age.counts) == 2)  # type: ignore[union-attr]


async def test_a_viewer_that_never_answers_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """Even while it is behind: by what its socket accepts. It is not asked again with each envelope."""
    monkeypatch.setattr(freshness, "PING_INTERVAL_S", 1e-6)
    monkeypatch.setattr(freshness, "ASK_AGAIN_S", 60.0)
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        await ping_behind(raw, running)
        newest = await running.until_behind(200_000)
        for _ in range(newest):
            assert (await anyio.to_thread.run_sync(raw.frame))[0] == 2
        running.knob(2)
        assert (await anyio.to_thread.run_sync(raw.frame))[0] == 2
        assert running.client().age_s is None


async def test_a_viewer_that_is_behind_is_asked_too() -> None:
    """Behind a chunk from its queue: its age is that of what it really reads."""
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running, stalled_client(running) as raw:
        raw.pong(await ping_behind(raw, running))
        await until(lambda: running.client().age_s is not None)
        newest = await running.until_behind(200_000)
        await anyio.sleep(0.1)
        seen = 0
        while seen < newest - 1:
            opcode, data = await anyio.to_thread.run_sync(raw.frame)
            seen += opcode == 2
            if opcode == PING:
                raw.pong(data)
        await until(lambda: (running.client().age_s or 0.0) > 0.1)


async def test_what_a_viewer_has_drawn_counts_rather_than_what_it_has_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It includes decoding and drawing, and each frame counts once. When it tells nothing more, pongs count.

    Who may only watch may tell so, too.
    """
    monkeypatch.setattr(freshness, "PING_INTERVAL_S", 0.05)
    async with on_air(settings(control_token="steer")) as running, connect(running.url) as viewer:

        async def drawn(sequence: int) -> None:
            await viewer.send(f'{{"kind": "drawn", "topic": "frame", "sequence": {sequence}}}')

        def told() -> int:
            (group,) = running.totals.groups
            return 0 if group.age is None else sum(group.age.counts)

        await drawn(0)  # from now on it is known when frames came onto the bus
        running.frame()
        await receive(viewer)
        await until(lambda: told() == 1)
        await anyio.sleep(0.05)
        sequence = running.frame()
        await receive(viewer)
        await until(lambda: told() == 2)
        await anyio.sleep(0.1)
        await drawn(sequence)
        await until(lambda: told() == 3)
        assert (running.client().age_s or 0.0) >= 0.1
        running.knob(1)
        await receive(viewer)
        await drawn(sequence + 100)
        await drawn(sequence)
        await drawn(sequence - 1)
        newer = running.frame()
        await receive(viewer)
        await drawn(newer)
        await until(lambda: (running.client().age_s or 1.0) < 0.1)
        assert told() == 4  # by the newer frame alone
        client = connection_of(running).client
        assert client is not None
        client._age._drawn_at_ns = 0  # pyright: ignore[reportPrivateUsage]
        await anyio.sleep(0.05)
        running.knob(2)
        await until(lambda: told() == 5)
        assert client.invalid_messages == 0


async def test_a_viewer_need_not_answer_every_ping(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again, and the ping that it left out tells no age: when that one was read is not known."""
    monkeypatch.setattr(freshness, "PING_INTERVAL_S", 1e-6)

    def told() -> int:
        (group,) = running.totals.groups
        return 0 if group.age is None else sum(group.age.counts)

    async with on_air() as running, stalled_client(running) as raw:
        raw.pong(await ping_behind(raw, running))
        await until(lambda: told() == 1)
        monkeypatch.setattr(freshness, "ASK_AGAIN_S", 0.0)
        await ping_behind(raw, running)
        await anyio.sleep(0.3)
        raw.pong(await ping_behind(raw, running))
        await until(lambda: told() == 2)
        assert (running.client().age_s or 1.0) < 0.3


async def test_a_viewer_that_leaves_out_its_first_ping_becomes_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again although it has never answered."""
    monkeypatch.setattr(freshness, "PING_INTERVAL_S", 1e-6)
    monkeypatch.setattr(freshness, "ASK_AGAIN_S", 0.0)
    async with on_air() as running, stalled_client(running) as raw:
        await ping_behind(raw, running)
        raw.pong(await ping_behind(raw, running))
        await until(lambda: running.client().age_s is not None)


def test_a_viewer_that_never_answers_is_asked_ever_more_seldom() -> None:
    """Each pause is twice the one before, so that it costs next to nothing."""
    clock, asked_s = FixedClock(0), list[int]()
    age = ViewerAge("full", ViewerTimes(), clock)
    for now_s in range(120):
        clock.now_ns = now_s * 10**9
        if age.may_ask():
            age.ask(envelope("frame", 1))
            asked_s.append(now_s)
    assert asked_s == [0, 4, 12, 28, 60]


def envelope(kind: Kind, sequence: int) -> Envelope:
    """One that came onto the bus at the time of its number."""
    return Envelope(kind, kind, sequence, 0, sequence, frame(), b"")


def test_of_frames_that_a_viewer_may_have_drawn_the_last_1024_are_known() -> None:
    """Updates are not among them."""
    recent = Recent()
    recent.note(envelope("frame", sequence) for sequence in range(1, 1026))
    recent.note([envelope("peripheral", 1)])
    found = [recent.published_unix_ns("frame", sequence) for sequence in (1, 2, 1025, 1026)]
    assert found == [None, 2, 1025, None]
    assert recent.published_unix_ns("peripheral", 1) is None


async def test_a_viewer_whose_connection_just_broke_is_not_asked(caplog: pytest.LogCaptureFixture) -> None:
    """The library below logs the fifth further write to it; the chunks of one turn are four."""
    async with on_air() as running, stalled_client(running) as raw:
        raw.pong(await ping_behind(raw, running))
        await until(lambda: running.client().age_s is not None)
        connection = connection_of(running)
        assert connection.client is not None
        connection.transport.abort()
        for _ in range(4):
            connection.transport.write(b"a chunk")
        connection.client.ask(running.kernel.publisher.last_values()[0])
    assert "socket.send() raised exception." not in caplog.text


async def test_a_pong_that_nobody_asked_for_tells_nothing() -> None:
    """It is no answer to a ping of ours, and the stream goes on."""
    async with on_air() as running, stalled_client(running) as raw:
        content = await ping_behind(raw, running)
        raw.pong(bytes(reversed(content)) + b"x")
        running.knob(2)
        assert (await anyio.to_thread.run_sync(raw.message))[:1]
        assert running.client().age_s is None


async def test_answers_to_pings_are_free_other_pongs_are_not() -> None:
    """The rate limit is for what a viewer does by itself."""
    async with on_air(settings(max_messages_per_s=1)) as running, stalled_client(running) as raw:
        answered: list[int] = []
        for _ in range(20):
            connection_of(running).ask(lambda _: answered.append(1))
            raw.pong((await anyio.to_thread.run_sync(raw.frame))[1])
        await until(lambda: len(answered) == 20)
        assert running.totals.flooded == 0
        connection_of(running).ask(lambda _: None)
        for _ in range(1 + 2 + 3):  # one stands for the answer, two are allowed at once
            raw.pong(b"")
        await until(lambda: running.totals.flooded == 1)


async def test_a_pong_of_a_later_ping_keeps_a_viewer_from_the_keepalive() -> None:
    """A viewer may answer only the last ping that it has read: RFC 6455, section 5.5.3."""
    config = settings(ping_interval_s=0.02, ping_timeout_s=0.2)
    async with on_air(config) as running, stalled_client(running) as raw:
        for _ in range(20):
            await anyio.to_thread.run_sync(raw.frame)  # of the keepalive
            connection_of(running).ask(lambda _: None)
            raw.pong((await anyio.to_thread.run_sync(raw.frame))[1])
        assert running.totals.connected == 1


async def test_a_viewer_that_answers_no_ping_is_closed(caplog: pytest.LogCaptureFixture) -> None:
    """With code 1011, although it reads; others are not. It is counted, and the log names it."""
    config = settings(ping_interval_s=0.02, ping_timeout_s=0.2, close_timeout_s=0.1)
    async with on_air(config) as running, connect(running.url), stalled_client(running) as raw:
        seen = [await anyio.to_thread.run_sync(raw.frame) for _ in range(2)]
        assert [opcode for opcode, _ in seen] == [PING, CLOSE]
        assert int.from_bytes(seen[1][1][:2], "big") == 1011
        await until(lambda: running.totals.connected == 1)
        assert running.totals.silent == 1
    (told,) = warnings(caplog)
    assert "closed: it answered no ping within 0.2 s (ping_timeout_s)" in told


async def test_a_client_of_foxglove_tells_its_age_too() -> None:
    """It is a WebSocket: any library answers pings."""
    subprotocols = ["foxglove.sdk.v1"]
    async with on_air() as running, connect(running.url, subprotocols=subprotocols) as viewer:  # type: ignore[arg-type]
        running.knob(1)
        while '"advertise"' not in str(await viewer.recv()):
            pass
        await viewer.send('{"op":"subscribe","subscriptions":[{"id":1,"channelId":1}]}')
        await viewer.recv()
        running.knob(2)
        await viewer.recv()
        await until(lambda: running.client().age_s is not None)
        assert [group.name for group in running.totals.groups if group.age is not None] == ["foxglove"]


@pytest.mark.parametrize(
    "query",
    ["", "/?max_age_s=0.000001"],  # all that the second gets is older than that, and goes through its queue
)
async def test_a_viewer_that_keeps_up_is_asked_seldom(query: str) -> None:
    """A common client answers by itself, as seldom as it is asked; also with `max_age_s`."""
    async with on_air() as running, connect(running.url + query) as viewer:
        for _ in range(100):
            running.frame()
            await receive(viewer)
        await until(lambda: running.client().age_s is not None)
        (group,) = running.totals.groups
        assert group.age is not None
        assert sum(group.age.counts) <= 3


async def test_a_reloaded_client_queue_holds_for_what_waits() -> None:
    """What is beyond the new bounds is dropped by the new strategy."""
    config = settings(client_queue=ROOMY, queue=ROOMY)
    async with on_air(config) as running, stalled_client(running):
        await running.until_behind(200_000)
        for value in range(1, 9):
            running.knob(value)
        await running.fanned_out()
        assert running.client().queue.dropped.items == 0
        latest = QueueSettings(overflow="latest")
        running.sink.adjust(config.model_copy(update={"client_queue": latest}))
        stats = running.client().queue
        assert exact(stats)
        assert {(each.reason, each.kind) for each in stats.drops} >= {("latest", "peripheral")}


@pytest.mark.parametrize(("query", "expected"), [("", [3]), ("?max_age_s=9", [1, 2, 3])])
async def test_a_reloaded_max_age_holds_for_connected_viewers(query: str, expected: list[int]) -> None:
    """But not for one that has asked for its own."""
    config = settings()
    async with on_air(config) as running, connect(f"{running.url}/{query}") as viewer:
        await until(lambda: running.totals.connected)
        running.sink.adjust(config.model_copy(update={"max_age_s": 0.05}))
        async with running.sink._delivering:  # pyright: ignore[reportPrivateUsage] # a viewer joins
            for value in range(1, 4):
                running.knob(value)
            await anyio.sleep(0.06)
        assert [(await receive(viewer)).sequence for _ in expected] == expected


async def test_what_waited_too_long_is_dropped_but_never_the_newest_of_a_topic() -> None:
    """With the reason `age`, by kind; what was in the socket already comes first."""
    config = settings(client_queue=ROOMY, queue=ROOMY, max_age_s=0.1)
    async with on_air(config) as running, stalled_client(running) as raw:
        newest = await running.until_behind(200_000)
        written = running.client().queue.taken.items
        for value in range(1, 4):
            running.knob(value, "a")
        running.knob(1, "b")
        for _ in range(3):
            running.frame(10_000)
        await running.fanned_out()
        assert running.client().queue.waiting.items == newest - written + 7
        await anyio.sleep(0.11)
        got = [CODEC.decode(await anyio.to_thread.run_sync(raw.message)) for _ in range(written + 3)]
        in_socket, rest = got[:written], [(each.topic, each.sequence) for each in got[written:]]
        assert [each.sequence for each in in_socket] == list(range(1, written + 1))
        assert rest == [("peripheral/a", 3), ("peripheral/b", 1), ("frame", newest + 3)]
        await until(lambda: not running.client().behind)
        stats = running.client().queue
        assert exact(stats)
        assert {(each.reason, each.kind, each.items) for each in stats.drops} == {
            ("age", "frame", newest - written + 2),
            ("age", "peripheral", 2),
        }


@pytest.mark.parametrize(
    ("of_sink_s", "query", "expected"), [(0.05, "", [3]), (None, "", [1, 2, 3]), (9, "?max_age_s=0.05", [3])]
)
async def test_what_the_sink_itself_was_late_with_is_dropped_for_a_viewer_that_keeps_up(
    of_sink_s: float | None, query: str, expected: list[int]
) -> None:
    """By the viewer's own `max_age_s`, or else by the sink's; by default nothing is too old."""
    config = settings(max_age_s=of_sink_s)
    async with on_air(config) as running, connect(f"{running.url}/{query}") as viewer:
        await until(lambda: running.totals.connected)
        async with running.sink._delivering:  # pyright: ignore[reportPrivateUsage] # a viewer joins
            for value in range(1, 4):
                running.knob(value)
            await anyio.sleep(0.06)
        assert [(await receive(viewer)).sequence for _ in expected] == expected
        running.knob(4)
        assert (await receive(viewer)).sequence == 4
        stats = running.client().queue
        assert exact(stats)
        assert (stats.offered.items, stats.taken.items) == (4, len(expected) + 1)


async def test_max_age_holds_for_foxglove_too() -> None:
    """Of each channel the newest message comes, however old it is."""
    subprotocols = ["foxglove.sdk.v1"]
    url = "/?max_age_s=0.05"
    async with on_air() as running, connect(running.url + url, subprotocols=subprotocols) as viewer:  # type: ignore[arg-type]
        running.knob(1)
        while '"advertise"' not in str(await viewer.recv()):
            pass
        await viewer.send('{"op":"subscribe","subscriptions":[{"id":1,"channelId":1}]}')
        await viewer.recv()
        async with running.sink._delivering:  # pyright: ignore[reportPrivateUsage] # a viewer joins
            for value in range(2, 5):
                running.knob(value)
            await anyio.sleep(0.06)
        assert b'"data":4' in bytes(await viewer.recv())  # type: ignore[arg-type]
        stats = running.client().queue
        assert exact(stats)
        assert [(each.reason, each.items) for each in stats.drops] == [("age", 2)]


def pinged(viewers: int, rate_hz: float, duration_s: float) -> tuple[Counter[int], int]:
    """How often each viewer has its turn, and how many have it at once at most."""
    turns, times, most = Turns(), Counter[int](), 0
    for step in range(round(rate_hz * duration_s)):
        due = list(turns.due(range(viewers), step / rate_hz))
        times.update(due)
        most = max(most, len(due))
    return times, most


@pytest.mark.parametrize(
    ("viewers", "rate_hz", "least", "most", "at_once"),
    [(1, 60, 4, 5, 1), (50, 60, 4, 5, 2), (1000, 60, 2, 3, 3), (1000, 10, 2, 3, 11), (3, 0.1, 1, 2, 3)],
)
def test_turns_are_fair_few_and_spread(
    viewers: int, rate_hz: float, least: int, most: int, at_once: int
) -> None:
    """In 24 s each viewer has about as many as every other, at most one in 5 s, few at one time."""
    times, found = pinged(viewers, rate_hz, 24)
    assert len(times) == viewers
    assert least <= min(times.values()) <= max(times.values()) <= most
    assert max(times.values()) - min(times.values()) <= 1 or viewers == 3
    assert found <= at_once


def test_a_viewer_has_its_first_turn_soon_however_many_come_at_once() -> None:
    """At once when few come; of thousands a hundred each second, in the order in which they came."""
    turns = Turns()
    assert list(turns.due({1}, 0.0)) == [1]
    turns.join(2)
    assert list(turns.due({1, 2}, 0.1)) == [2]
    crowd = range(3, 5003)
    for viewer in crowd:
        turns.join(viewer)
    seen: list[int] = []
    for step in range(1, 60 * 60):
        due = list(turns.due(range(1, 5003), 0.1 + step / 60))
        assert len(due) <= 16
        seen += due
        assert len(seen) <= 17 + 100 * step / 60
    firsts = list(dict.fromkeys(each for each in seen if each in crowd))
    assert firsts == list(crowd)


def test_the_first_turn_of_a_viewer_that_is_behind_waits_until_it_keeps_up() -> None:
    """One that has left has none."""
    turns = Turns()
    assert list(turns.due({1}, 0.0)) == [1]
    turns.join(2)
    turns.join(3)
    assert list(turns.due({1}, 1.0)) == []
    turns.leave(3)
    assert list(turns.due({1, 2, 3}, 2.0)) == [2]
