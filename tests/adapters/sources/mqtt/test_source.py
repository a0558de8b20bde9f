"""The MQTT source, with a real broker and its own client."""

import json
import logging
from pathlib import Path
from typing import Any

import anyio
import pytest
from pydantic import ValidationError

from beats.adapters.sources.mqtt import MqttSourceSettings
from beats.adapters.sources.mqtt.source import MqttSource
from beats.kernel.envelope import Frame, Peripheral, Tag
from tests.adapters.http.test_tls import make_certificate
from tests.support import picture
from tests.support.mqtt import Listener, Mosquitto, send
from tests.support.relay import Machine, linked, on_air, until

pytestmark = pytest.mark.anyio


async def counts(source: MqttSource, **expected: int) -> None:
    """Wait until metrics have these values."""
    await until(lambda: expected.items() <= {k: int(v) for k, v in source.metrics().items()}.items())


async def listening(source: MqttSource) -> None:
    await until(lambda: source.metrics()["connected"])


async def test_messages_are_updates_of_peripherals(broker: Mosquitto, prefix: str) -> None:
    """What the broker has kept comes first; wildcards choose topics, a template makes ids, settings tags."""
    send(broker, f"{prefix}/kitchen/temp", b"21.5", "-r")
    room = Machine()
    topics = (f"{prefix}/+/temp", f"{prefix}/hall/#")
    source = room.mqtt_source(broker.port, topics=topics, id="{2}/{-1}", tags=("sensor", "floor:0"), qos=1)
    async with on_air(room):
        await room.sees_at_least(1)
        send(broker, f"{prefix}/kitchen/humidity", b"50")
        send(broker, f"{prefix}/hall/lamp/state", b"ON", "-q", "1")
        send(broker, f"{prefix}/hall", b'{"motion": true}')
        send(broker, f"{prefix}/kitchen/temp", b"", "-r", "-n")
        await room.sees_at_least(4)
        assert source.metrics()["messages_total"] == 4
    tags = (Tag("sensor"), Tag("floor", "0"))
    assert [each.message for each in room.seen] == [
        Peripheral("kitchen/temp", 21.5, tags),
        Peripheral("hall/state", "ON", tags),
        Peripheral("hall/hall", {"motion": True}, tags),
        Peripheral("kitchen/temp", None, tags),
    ]


async def test_pictures_are_frames(broker: Mosquitto, prefix: str) -> None:
    """By their bytes, with an id of their own template; an empty one makes the main picture."""
    room, main = Machine(), Machine()
    sources = [
        room.mqtt_source(broker.port, topics=(f"{prefix}/#",)),
        main.mqtt_source(broker.port, topics=(f"{prefix}/#",), picture=""),
    ]
    async with on_air(room, main):
        for source in sources:
            await listening(source)
        send(broker, f"{prefix}/door", picture("jpeg", 8, 4))
        await room.sees_at_least(1)
        await main.sees_at_least(1)
    jpeg = Frame(picture("jpeg", 8, 4), f"{prefix}/door", "image/jpeg", 8, 4)
    assert [each.message for each in room.seen] == [jpeg]
    assert [each.topic for each in main.seen] == ["frame"]


async def test_a_broker_that_returns_is_listened_to_again(
    own_broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that the connection was lost, and that it is there again; the source was not restarted."""
    caplog.set_level(logging.INFO)
    room = Machine()
    source = room.mqtt_source(own_broker.port, topics=("#",))
    async with on_air(room):
        await listening(source)
        own_broker.kill()
        await until(lambda: "no connection to mqtt://127.0.0.1" in caplog.text)
        assert source.metrics()["connected"] == 0
        own_broker.start()
        await listening(source)
        send(own_broker, "knob", b"1")
        await room.sees_at_least(1)
        stats = room.kernel.stats().sources[0]
        assert (stats.restarts, stats.state, dict(stats.figures)["reconnects_total"]) == (0, "running", 1)
    assert "again, after" in caplog.text


async def test_kept_messages_are_not_repeated_after_a_lost_connection(broker: Mosquitto, prefix: str) -> None:
    """Only what has changed meanwhile is published."""
    send(broker, f"{prefix}/same", b"1", "-r")
    send(broker, f"{prefix}/other", b"1", "-r")
    room = Machine()
    async with linked(broker.port) as link:
        source = room.mqtt_source(link.port, topics=(f"{prefix}/#",))
        async with on_air(room):
            await room.sees_at_least(2)
            link.hold()
            link.cut()
            send(broker, f"{prefix}/other", b"2", "-r")
            link.release()
            await counts(source, repeated_total=1, reconnects_total=1)
            await room.sees_at_least(3)
    assert room.values(f"peripheral/{prefix}/same") == [1]
    assert room.values(f"peripheral/{prefix}/other") == [1, 2]


async def test_garbage_is_counted_and_harms_nothing(
    broker: Mosquitto, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Binary, a damaged picture, too much, a topic without the level of the template: the rest goes on."""
    room = Machine()
    source = room.mqtt_source(broker.port, topics=(f"{prefix}/#",), id="{2}", max_payload_bytes=100)
    async with on_air(room):
        await listening(source)
        send(broker, f"{prefix}/a", b"\x80\x00\x01")
        send(broker, f"{prefix}/a", b"\x89PNG\r\n\x1a\nrubbish")
        send(broker, f"{prefix}/a", b"x" * 101)
        send(broker, prefix, b"1")
        send(broker, f"{prefix}/a", b"1")
        await room.sees_at_least(1)
        await counts(source, unreadable_total=2, oversized_total=1, unpublishable_total=1, messages_total=5)
    assert room.values("peripheral/a") == [1]
    assert "neither text in UTF-8 nor a picture" in caplog.text
    assert "has no level {2}" in caplog.text
    assert "101 bytes are more than max_payload_bytes = 100" in caplog.text


async def test_a_flood_keeps_what_is_fresh(broker: Mosquitto, prefix: str) -> None:
    """While the bus is held up, newer messages replace older ones; all are counted."""
    room = Machine()
    source = room.mqtt_source(broker.port, topics=(f"{prefix}/#",), queue={"size": 10})
    async with on_air(room):
        await listening(source)
        gate = anyio.Event()
        publish_async = room.kernel.publisher.publish_async

        async def held_up(*arguments: Any, **options: Any) -> int:
            await gate.wait()
            return await publish_async(*arguments, **options)

        room.kernel.publisher.publish_async = held_up  # type: ignore[method-assign]
        send(broker, f"{prefix}/a", b"\n".join(b"%d" % number for number in range(300)), "-l")
        await counts(source, messages_total=300)
        gate.set()
        values = f"peripheral/{prefix}/a"
        await room.sees(lambda: room.values(values)[-1:] == [299])
        assert room.values(values)[-10:] == list(range(290, 300))
        await counts(source, dropped_total=300 - len(room.values(values)))


async def test_what_the_own_sink_publishes_does_not_come_back(broker: Mosquitto, prefix: str) -> None:
    """Nor what it announces to Home Assistant; whatever name the broker has."""
    room = Machine()
    room.mqtt_sink(broker.port, prefix=prefix, discovery=True, discovery_prefix=f"{prefix}-ha")
    source = room.mqtt_source(
        broker.port, host="localhost", topics=(f"{prefix}/#", f"{prefix}-ha/#", f"{prefix}-x/#")
    )
    async with on_air(room):
        await listening(source)
        room.knob(1)
        await counts(source, own_total=3)  # its status, the announcement and the value
        send(broker, f"{prefix}-x/knob", b"2")
        await room.sees_at_least(2)
        with Listener(broker, topic=f"{prefix}/#") as listener:
            await until(lambda: len(listener.by_topic()) >= 3)
            assert set(listener.by_topic()) == {
                f"{prefix}/{name}" for name in ("status", "knob", f"{prefix}-x/knob")
            }
    assert [each.topic for each in room.seen] == ["peripheral/knob", f"peripheral/{prefix}-x/knob"]


async def test_a_refused_login_says_what_to_do(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The source goes on trying."""
    with Mosquitto(tmp_path, "allow_anonymous false") as broker:
        room = Machine()
        room.mqtt_source(broker.port, topics=("#",))
        async with on_air(room):
            await until(lambda: "it refuses the login (Not authorized): set user and password" in caplog.text)
            assert room.kernel.stats().sources[0].last_error == ""


def access_plugin() -> Path:
    """What lets mosquitto refuse subscriptions; it comes with it."""
    found = next(Path("/usr/lib").rglob("mosquitto_dynamic_security.so"), None)
    return found or pytest.skip("mosquitto has no plugin for access to topics here")


async def test_a_refused_topic_is_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The others come."""
    access = {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    }
    role = {"rolename": "r", "acls": [{"acltype": "subscribePattern", "topic": "open/#", "allow": True}]}
    rules = {
        "defaultACLAccess": access,
        "roles": [role],
        "groups": [{"groupname": "g", "roles": [{"rolename": "r"}]}],
        "anonymousGroup": "g",
    }
    (tmp_path / "rules.json").write_text(json.dumps(rules))
    config = f"allow_anonymous true\nplugin {access_plugin()}\nplugin_opt_config_file {tmp_path}/rules.json"
    with Mosquitto(tmp_path, config) as broker:
        room = Machine()
        source = room.mqtt_source(broker.port, topics=("open/#", "shut/#"))
        async with on_air(room):
            await listening(source)
            send(broker, "open/a", b"1")
            await room.sees_at_least(1)
    assert "the broker refuses the topic 'shut/#': let this user read it" in caplog.text


async def test_an_encrypted_burst_arrives(tmp_path: Path) -> None:
    """All messages, also those that came in one record."""
    cert, key = make_certificate(tmp_path, "broker")
    with Mosquitto(tmp_path, tls=f"certfile {cert}\nkeyfile {key}") as broker:
        room = Machine()
        source = room.mqtt_source(broker.port, topics=("a",), tls_ca=cert)
        async with on_air(room):
            await listening(source)
            lines = b"\n".join(b"%d" % number for number in range(500))
            send(broker, "a", lines, "-l", "--cafile", str(cert), "--insecure")
            await room.sees(lambda: len(room.values("peripheral/a")) == 500)
    assert room.values("peripheral/a") == list(range(500))


@pytest.mark.parametrize("wrong", ["", "a/#/b", "a+/b", "a/b#", "nul\0", "x" * 65_536])
async def test_what_is_no_filter_of_topics_is_refused(wrong: str) -> None:
    """Before anything starts; the broker would close the connection."""
    with pytest.raises(ValidationError, match="is not a filter of topics"):
        MqttSourceSettings(type="mqtt", topics=("a/+/b/#", wrong))
