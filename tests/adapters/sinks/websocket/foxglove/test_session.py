"""Foxglove's protocol, over real sockets."""

import json
import subprocess
import sys
import threading
import time
from typing import Any, Final, cast

import anyio
import anyio.to_thread
import pytest
from google.protobuf.message import Message as ProtobufMessage
from hypothesis import given
from PIL import Image
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from beats.adapters.sinks.websocket.foxglove import channels as channels_module
from beats.adapters.sinks.websocket.foxglove import client as client_module
from beats.adapters.sinks.websocket.foxglove.channels import Channels
from beats.adapters.sinks.websocket.foxglove.client import FoxgloveClient
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Envelope, Frame, Message, Peripheral, kind_of, topic_of
from beats.kernel.ports import Context
from beats.pictures.formats import identify
from beats.proto import foxglove
from beats.proto.codec import StreamCodec
from beats.proto.foxglove import read_image
from tests.adapters.sinks.websocket.foxglove.viewer import SDK, WEBSOCKET, Viewer, viewing
from tests.adapters.sinks.websocket.support import (
    ROOMY,
    RawClient,
    Running,
    exact,
    frame,
    on_air,
    receive,
    settings,
    until,
)
from tests.proto.strategies import examples, messages
from tests.support import png_of

pytestmark = pytest.mark.anyio


async def test_a_client_is_answered_with_a_subprotocol_that_it_offers() -> None:
    """The newer of two; one that offers none of ours, or nothing, gets the stream."""
    async with on_air() as running:
        running.knob(1)
        await running.fanned_out()
        for offered, chosen in (((WEBSOCKET, SDK), SDK), ((WEBSOCKET,), WEBSOCKET)):
            protocols = [Subprotocol(name) for name in offered]
            async with connect(running.url, subprotocols=protocols) as connection:
                assert connection.subprotocol == chosen
                assert json.loads(await connection.recv())["op"] == "serverInfo"
        async with connect(running.url, subprotocols=[Subprotocol("chat")]) as connection:
            assert connection.subprotocol is None
            assert (await receive(connection)).topic == "peripheral/knob"


async def test_a_client_is_greeted_and_told_of_channels_as_they_appear() -> None:
    """The first message names the session, which stays the same; the second has the channels, if any."""
    async with on_air() as running, viewing(running) as viewer:
        greeting = cast("dict[str, Any]", await viewer.next())
        assert greeting["op"] == "serverInfo"
        assert "test" in greeting["name"]
        assert greeting["capabilities"] == []
        assert await viewer.next() == {"op": "advertise", "channels": []}
        running.knob({"turn": 1.5})
        running.frame()
        await viewer.until_advertised("/frame", "/peripheral/knob")
        knob = viewer.channels["/peripheral/knob"]
        assert (knob["encoding"], knob["schemaEncoding"]) == ("json", "jsonschema")
        assert json.loads(knob["schema"])["properties"]["data"]["properties"] == {"turn": {"type": "number"}}
        assert viewer.channels["/frame"]["schemaName"] == "foxglove.CompressedImage"
        async with viewing(running) as other:
            assert (await other.text("serverInfo"))["sessionId"] == greeting["sessionId"]
            await other.until_advertised("/frame", "/peripheral/knob")
            assert other.channels == viewer.channels


async def test_a_subscription_begins_with_the_last_value() -> None:
    """Then come the envelopes after it, each with its subscription and capture time."""
    async with on_air() as running, viewing(running) as viewer:
        for value in (1, 2):
            running.knob(value)
        running.knob(1, "other")
        await viewer.subscribe("/peripheral/knob", first_id=7)
        assert (await viewer.message()).data == 2
        running.knob(2, "other")
        captured = running.kernel.publisher.publish(frame(), captured_unix_ns=1_700_000_000_123_456_789)
        running.knob(3)
        message = await viewer.message()
        assert (message.subscription, message.data) == (7, 3)
        await viewer.subscribe("/frame", first_id=8)
        message = await viewer.message()
        assert (message.subscription, message.log_unix_ns) == (8, 1_700_000_000_123_456_789)
        assert read_image(message.payload) == (frame().data, "png", 1_700_000_000_123_456_789)
        assert captured == 1
        assert running.client().group == "foxglove"
        assert running.client().queue.taken.items == running.client().queue.offered.items == 3


async def test_a_client_may_ask_for_smaller_pictures() -> None:
    """In its query, as every viewer: the last value and what follows are encoded for it, in order."""
    async with on_air() as running, viewing(running, "?max_width=2&formats=jpeg") as viewer:
        publish = running.kernel.publisher.publish
        publish(Frame(png_of(Image.new("L", (4, 2)))))
        await viewer.subscribe("/frame")
        first = await viewer.message()
        publish(Frame(png_of(Image.new("L", (4, 2), 255))))
        second = await viewer.message()
        assert first.log_unix_ns < second.log_unix_ns
        for message in (first, second):
            image = read_image(message.payload)
            info = identify(image.data)
            assert (image.format, info.media_type, info.width) == ("jpeg", "image/jpeg", 2)
        assert running.client().queue.taken.items == running.client().queue.offered.items == 2


async def test_a_client_may_subscribe_to_hundreds_of_channels_at_once() -> None:
    """It is told of them, and gets their last values, in steps."""
    async with on_air() as running:
        topics = [f"/peripheral/knob-{number}" for number in range(250)]
        for number in range(250):
            running.knob(number, f"knob-{number}")
        async with viewing(running) as viewer:
            await viewer.subscribe(*topics)
            assert [(await viewer.message()).data for _ in topics] == [*range(250)]


async def test_a_channel_is_replaced_when_its_values_have_more_in_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clients plot only what the schema has. It grows a few times; of two types, the first stays."""
    monkeypatch.setattr(channels_module, "CHECK_INTERVAL_NS", 0)
    monkeypatch.setattr(channels_module, "MOST_SCHEMAS", 3)

    def schema(viewer: Viewer) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(viewer.channels["/peripheral/knob"]["schema"])
        return {name: each["type"] for name, each in found["properties"]["data"]["properties"].items()}

    async with on_air() as running, viewing(running) as viewer:
        running.knob({"a": 1, "b": None})
        await viewer.subscribe("/peripheral/knob", first_id=0)
        assert (await viewer.message()).data["a"] == 1
        for step, value in enumerate([{"b": True}, {"a": "text", "c": [{"d": 1}]}], 1):
            known = viewer.channels.pop("/peripheral/knob")["id"]
            running.knob(value)
            assert (await viewer.message()).data == value  # by the old subscription
            assert (await viewer.text("unadvertise"))["channelIds"] == [known]
            await viewer.subscribe("/peripheral/knob", first_id=step)
            await viewer.unsubscribe(step - 1)  # as Foxglove does; it is over, but not unknown
            assert (await viewer.message())[0] == step
        assert schema(viewer) == {"a": "number", "b": "boolean", "c": "array"}
        running.knob({"e": 1})
        assert (await viewer.message()).data == {"e": 1}
        await viewer.unsubscribe(0)
        assert (await viewer.text("status"))["message"] == "ignored: there is no subscription 0"
        assert [each["op"] for each in viewer.waiting if isinstance(each, dict)] == ["serverInfo"]


async def test_a_message_is_encoded_once_for_all_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each gets it with the id of its own subscription."""
    encode, encoded = foxglove.update_json, list[str]()

    def counted(update: Peripheral, data: bytes | None = None) -> bytes:
        encoded.append(update.id)
        return encode(update, data)

    monkeypatch.setattr(foxglove, "update_json", counted)
    async with on_air() as running, viewing(running) as one, viewing(running) as other:
        running.knob(1)
        await one.subscribe("/peripheral/knob", first_id=1)
        await other.subscribe("/peripheral/knob", first_id=2)
        for viewer in (one, other):
            await viewer.message()
        encoded.clear()
        running.knob(2)
        assert [(await viewer.message()).subscription for viewer in (one, other)] == [1, 2]
        assert encoded == ["knob"]


async def test_pictures_come_as_they_are() -> None:
    """Each has its own channel, its format and its id, though the query names no formats."""
    async with on_air() as running, viewing(running) as viewer:
        running.kernel.publisher.publish(Frame(b"\xff\xd8\xff and more", "cam", "image/jpeg", 2, 1))
        await viewer.subscribe("/frame/cam")
        assert read_image((await viewer.message()).payload)[:2] == (b"\xff\xd8\xff and more", "jpeg")


async def test_a_subscription_misses_and_doubles_nothing_at_full_speed() -> None:
    """Between the last value and what follows, however fast the producer is, again and again."""
    stop = threading.Event()
    async with on_air(settings(queue=ROOMY, client_queue=ROOMY)) as running, viewing(running) as viewer:

        def produce() -> None:
            value = 0
            while not stop.is_set():
                value += 1
                running.knob(value)
                time.sleep(0.0002)  # the interpreter is the client's, too

        running.knob(0)
        await viewer.until_advertised("/peripheral/knob")
        thread = threading.Thread(target=produce)
        thread.start()
        try:
            for round_ in range(10):
                await viewer.subscribe("/peripheral/knob", first_id=round_)
                message = await viewer.message()
                while message.subscription != round_:  # what was under way when the last one ended
                    message = await viewer.message()
                first = message.data
                assert [(await viewer.message()).data for _ in range(200)] == [
                    first + index for index in range(1, 201)
                ]
                await viewer.unsubscribe(round_)
        finally:
            stop.set()
            await anyio.to_thread.run_sync(thread.join)


async def test_what_is_not_subscribed_to_is_neither_sent_nor_counted() -> None:
    """Also after a subscription has ended."""
    async with on_air() as running, viewing(running) as viewer:
        running.knob(1)
        running.knob(1, "end")
        await viewer.subscribe("/peripheral/knob")
        await viewer.message()
        await viewer.unsubscribe(0)
        await viewer.subscribe("/peripheral/end", first_id=1)
        await viewer.message()
        running.knob(2)
        running.frame()
        running.knob(2, "end")
        assert (await viewer.message())[0] == 1
        assert running.client().queue.offered.items == 3


INVALID: Final[dict[str | bytes, str]] = {
    "{": "not JSON",
    "[]": "not a JSON object",
    "{}": "op is None, not text",
    "[" * 100_000: "not JSON",
    '{"op": "subscribe"}': "subscriptions is None, not an array",
    '{"op": "subscribe", "subscriptions": [1]}': "subscriptions holds 1, not an object",
    '{"op": "subscribe", "subscriptions": [{"id": -1}]}': "a subscription's id is -1, not an integer",
    '{"op": "subscribe", "subscriptions": [{"id": 0, "channelId": 9}]}': "there is no channel 9",
    '{"op": "subscribe", "subscriptions": [{"id": 5, "channelId": 1}]}': "channel 1 has a subscription, 0",
    '{"op": "subscribe", "subscriptions": [{"id": 0, "channelId": 2}]}': "subscription 0 exists already",
    '{"op": "unsubscribe", "subscriptionIds": [true]}': "an entry of subscriptionIds is True",
    '{"op": "unsubscribe", "subscriptionIds": [9, 10, 11, 12]}': "there is no subscription 11, and 1 more",
    b"": "an empty binary message",
    b"\x03abc": "a playback request has 4 bytes; it has at least 19",
    b"\x03\x07" + bytes(17): "the command of a playback request is 7; 0 is play, 1 is pause",
    b"\x03" + bytes(14) + b"\x05\0\0\0": "the id of a playback request has 0 bytes, and says 5",
    b"\x03" + bytes(18): "it was not offered playback control",
}


async def test_an_invalid_message_is_answered_counted_and_harms_nothing() -> None:
    """With a status that says why; messages for what the server does not offer are ignored."""
    async with on_air() as running, viewing(running) as viewer:
        running.knob(1)
        running.knob(1, "b")
        await viewer.subscribe("/peripheral/knob")
        for message, why in INVALID.items():
            await viewer.send(op="getParameters", parameterNames=[])
            await viewer.connection.send(b"\x01\x00\x00\x00\x00{}")
            await viewer.connection.send(message)
            status = await viewer.text("status")
            assert status["level"] == 2
            assert why in status["message"]
        assert [each.invalid_messages for each in clients_of(running)] == [len(INVALID)]
        await viewer.message()
        running.knob(2)
        assert (await viewer.message()).data == 2


async def test_of_a_message_that_is_partly_wrong_the_rest_counts() -> None:
    """One unknown channel does not cost a client the others."""
    async with on_air() as running, viewing(running) as viewer:
        running.knob(1)
        await viewer.until_advertised("/peripheral/knob")
        both = [{"id": 0, "channelId": 9}, {"id": 1, "channelId": 1}]
        await viewer.send(op="subscribe", subscriptions=both)
        assert (await viewer.text("status"))["message"] == "ignored: there is no channel 9"
        assert (await viewer.message()).subscription == 1


async def test_the_query_limits_the_channels() -> None:
    """As for every viewer: kinds, topics, last values and rate."""
    async with on_air() as running:
        running.frame()
        running.knob(1, "a")
        running.knob(1, "b")
        async with viewing(running, "?topics=frame,peripheral/a&snapshot=0&max_fps=1") as viewer:
            await viewer.subscribe("/frame", "/peripheral/a")
            assert viewer.channels.keys() == {"/frame", "/peripheral/a"}
            await viewer.send(op="wrong")
            await viewer.send()  # answered behind the subscriptions
            await viewer.text("status")
            for _ in range(5):
                running.frame()
            running.knob(2, "a")
            assert [(await viewer.message()).subscription for _ in range(2)] == [0, 1]
            await until(lambda: running.client().queue.dropped.items == 3)  # the fifth is held
            (drop,) = running.client().queue.drops
            assert (drop.reason, drop.kind) == ("max_fps", "frame")


async def test_values_that_change_after_they_were_published_harm_nothing() -> None:
    """What was published is sent."""
    async with on_air() as running, viewing(running) as viewer:
        value: dict[str, object] = {"a": 1}
        running.knob(value)
        value["b"] = object()
        await viewer.subscribe("/peripheral/knob")
        assert (await viewer.message()).data == {"a": 1}


@given(messages)
@examples(50)
def test_every_message_that_can_be_published_can_be_sent(message: Message) -> None:
    """No value breaks the sink, which other viewers share."""
    codec = StreamCodec()
    encoded = codec.seal(codec.prepare(message), 1, 2)
    envelope = Envelope(kind_of(message), topic_of(message), 1, 2, 3, message, encoded)
    channels = Channels(Context("browser", "test", SystemClock(), lambda control: None))
    assert channels.of(envelope).definition["schema"]
    payload = b"".join(channels.payload(envelope))
    if isinstance(message, Frame):
        assert read_image(payload).data == message.data
    else:
        assert isinstance(message.data, ProtobufMessage) or json.loads(payload)["id"] == message.id


def clients_of(running: Running) -> list[FoxgloveClient]:
    """The sink's own objects."""
    here = running.sink._viewers._here  # pyright: ignore[reportPrivateUsage] # what no counter tells
    return [client for client in here.values() if isinstance(client, FoxgloveClient)]


async def frozen(running: Running) -> RawClient:
    """A client of Foxglove's protocol that reads nothing behind its handshake."""

    def handshake() -> RawClient:
        raw = RawClient(running.port, handshake=False)
        raw.socket.sendall(
            b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Protocol: foxglove.sdk.v1\r\n\r\n"
        )
        return raw.handshaken()

    raw = await anyio.to_thread.run_sync(handshake)
    await until(lambda: running.totals.connected)
    return raw


def say(raw: RawClient, **message: object) -> None:
    """Send a text message in a masked frame, the mask of which changes nothing."""
    data = json.dumps(message).encode()
    raw.socket.sendall(b"\x81\xfe" + len(data).to_bytes(2, "big") + bytes(4) + data)


async def test_a_frozen_client_harms_nobody() -> None:
    """A viewer beside it gets all; it gets what its queue holds, and a status. The counts are exact."""
    queue = {"size": 8, "overflow": "drop_oldest"}
    async with on_air(settings(client_queue=queue, queue=ROOMY)) as running:
        raw = await frozen(running)
        running.frame()
        await running.fanned_out()
        say(raw, op="subscribe", subscriptions=[{"id": 3, "channelId": 1}])
        await until(lambda: running.client().queue.offered.items)
        async with connect(running.url, max_size=None) as healthy:
            await receive(healthy)
            for sequence in range(2, 62):
                running.frame(200_000)
                assert (await receive(healthy)).sequence == sequence
        client = running.client()
        assert client.behind
        assert client.queue.waiting.items == 8
        assert client.queue.offered.items == 61
        assert exact(client.queue)
        texts, got = await anyio.to_thread.run_sync(read_until, raw, client.queue.taken.items + 8)
        missed = client.queue.dropped.items
        assert got == client.queue.taken.items + 8 == 61 - missed
        (status,) = [text for text in texts if text["op"] == "status"]
        assert (status["level"], status["message"]) == (
            1,
            f"this client is behind: messages dropped: {missed} (drop_oldest)",
        )
        await until(lambda: not running.client().behind)
        async with connect(running.url) as healthy:
            await receive(healthy)
            raw.reset()
            await until(lambda: running.totals.connected == 1)
            assert running.frame() == (await receive(healthy)).sequence == 62


def read_until(raw: RawClient, count: int) -> tuple[list[dict[str, Any]], int]:
    """The text messages up to so many messages of channels."""
    texts: list[dict[str, Any]] = []
    got = 0
    while got < count:
        opcode, data = raw.frame()
        if opcode == 1:
            texts.append(json.loads(data))
        got += opcode == 2
    return texts, got


async def test_drops_are_reported_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is dropped soon after a report is in the next one, which comes without a further drop."""
    monkeypatch.setattr(client_module, "REPORT_INTERVAL_S", 0.3)
    async with on_air(settings(client_queue={"size": 1}, queue=ROOMY)) as running:
        raw = await frozen(running)
        running.frame()
        await running.fanned_out()
        say(raw, op="subscribe", subscriptions=[{"id": 3, "channelId": 1}])

        def report() -> int:
            while True:
                opcode, data = raw.frame()
                if opcode == 1 and (text := json.loads(data))["op"] == "status":
                    return int(text["message"].split()[-2])

        reported, began_s = 0, anyio.current_time()
        for _ in range(2):
            while running.totals.dropped.items == reported:
                running.frame(400_000)
                await running.fanned_out()
            reported += await anyio.to_thread.run_sync(report)
            assert reported == running.totals.dropped.items
        assert anyio.current_time() - began_s >= 0.3
        raw.close()


async def test_a_frozen_client_is_cut_off_like_any_viewer() -> None:
    """After `stall_timeout_s`."""
    async with on_air(settings(stall_timeout_s=0.2)) as running:
        raw = await frozen(running)
        running.frame()
        await running.fanned_out()
        say(raw, op="subscribe", subscriptions=[{"id": 3, "channelId": 1}])
        await until(lambda: running.client().queue.offered.items)
        while not running.client().behind:
            running.frame(400_000)
            await running.fanned_out()
        await until(lambda: running.totals.connected == 0)
        assert running.totals.stalled == 1
        raw.close()


async def test_what_a_frozen_client_asks_for_does_not_pile_up() -> None:
    """However often it subscribes, or sends what is wrong: nothing is written behind what it does not read.

    When it reads again, it gets the last value of each subscription, though its queue holds one.
    """
    async with on_air(settings(client_queue={"size": 1}, max_messages_per_s=100_000)) as running:
        raw = await frozen(running)
        for index in range(30):
            running.knob(index, f"knob-{index}")
        running.frame(4_000_000)
        await running.fanned_out()
        frame_id = 31
        say(raw, op="subscribe", subscriptions=[{"id": 0, "channelId": frame_id}])
        (client,) = clients_of(running)
        transport = client.connection.transport
        await until(transport.get_write_buffer_size)
        full = transport.get_write_buffer_size()
        for _ in range(20):
            say(raw, op="unsubscribe", subscriptionIds=[0])
            say(raw, op="subscribe", subscriptions=[{"id": 0, "channelId": frame_id}])
            say(raw, op="subscribe", subscriptions=[{"id": 1, "channelId": 999}])
        for channel in range(1, 31):
            say(raw, op="subscribe", subscriptions=[{"id": channel, "channelId": channel}])
        say(raw, op="unsubscribe", subscriptionIds=[30, 999])
        await until(lambda: client.invalid_messages == 21)
        running.knob("new", "new")  # which would be advertised
        await running.fanned_out()
        assert transport.get_write_buffer_size() <= full
        texts, _ = await anyio.to_thread.run_sync(read_until, raw, 1 + 1 + 29)
        levels = [text["level"] for text in texts if text["op"] == "status"]
        assert levels == [2] * 16
        assert texts[-1]["channels"][0]["topic"] == "/peripheral/new"
        assert exact(running.client().queue)
        assert running.client().queue.taken.items == running.client().queue.offered.items == 1 + 1 + 29
        raw.close()


async def test_what_waits_for_a_subscription_that_has_ended_is_not_sent() -> None:
    """It counts as dropped. One that begins again starts with the last value, and doubles nothing."""
    async with on_air(settings(client_queue=ROOMY, queue=ROOMY)) as running:
        raw = await frozen(running)
        running.knob(0)
        running.frame(4_000_000)
        await running.fanned_out()
        subscriptions = [{"id": 0, "channelId": 2}, {"id": 1, "channelId": 1}]
        say(raw, op="subscribe", subscriptions=subscriptions)
        await until(lambda: running.client().queue.offered.items == 2)
        for value in range(1, 101):
            running.knob(value)
        await until(lambda: running.client().queue.waiting.items == 100)
        say(raw, op="unsubscribe", subscriptionIds=[1])
        say(raw, op="subscribe", subscriptions=[{"id": 2, "channelId": 1}])
        say(raw, op="unsubscribe", subscriptionIds=[999])
        (client,) = clients_of(running)
        await until(lambda: client.invalid_messages)

        def values() -> list[tuple[int, int]]:
            found: list[tuple[int, int]] = []
            while not found or found[-1][1] < 101:
                opcode, data = raw.frame()
                if opcode == 2 and data[1] != 0:
                    found.append((data[1], json.loads(data[13:])["data"]))
            return found

        running.knob(101)
        assert await anyio.to_thread.run_sync(values) == [(1, 0), (2, 101)]
        stats = running.client().queue
        assert exact(stats)
        assert [(drop.reason, drop.kind, drop.items) for drop in stats.drops] == [
            ("unsubscribed", "peripheral", 100)
        ]
        assert stats.taken.items == 3
        raw.close()


async def test_a_client_needs_the_token_and_counts_as_a_viewer() -> None:
    """The handshake is checked as any other."""
    async with on_air(settings(token="secret", max_clients=1)) as running:
        async with viewing(running, "?token=secret") as viewer:
            await viewer.text("serverInfo")
            for query in ("?token=secret", ""):
                with pytest.raises(Exception, match=r"503|401"):
                    async with viewing(running, query):
                        pass
        assert running.totals.refused == 2


def test_nothing_of_it_is_imported_without_such_a_client() -> None:
    """The sink knows the room by name only."""
    code = (
        "import sys, beats.adapters.sinks.websocket.sink\n"
        "print([name for name in sys.modules if 'foxglove' in name])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "[]\n"
