"""The MQTT sink, with a real broker and its own client."""

import base64
import hashlib
import io
import logging
from pathlib import Path

import anyio
import pytest
from PIL import Image

from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.errors import StartError
from beats.kernel.stats import SinkStats
from beats.proto.input_event_pb2 import InputEvent
from tests.adapters.http.test_tls import make_certificate
from tests.adapters.sinks.websocket.support import exact
from tests.support import picture
from tests.support.mqtt import Listener, Mosquitto
from tests.support.nats import free_port
from tests.support.relay import Machine, linked, on_air, until

pytestmark = pytest.mark.anyio


def stats_of(machine: Machine) -> SinkStats:
    return machine.kernel.stats().sinks[0]


async def delivered(machine: Machine, count: int) -> None:
    """Wait until this many updates were published."""
    await until(lambda: machine.metrics()["updates_published_total"] >= count)


async def test_updates_are_kept_by_the_broker_as_json(broker: Mosquitto, prefix: str) -> None:
    """Whoever subscribes later gets the last value of each peripheral; `status` says whether it is there."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix)
    async with on_air(origin):
        for number in range(3):
            origin.knob(number)
        origin.knob({"x": 1.5, "ok": True, "name": "ä"}, id="desk/a+b")
        origin.kernel.publisher.publish(Peripheral("event", InputEvent(event_type="press", data_json=b"[1]")))
        await delivered(origin, 5)
        with Listener(broker, topic=f"{prefix}/#") as late:
            await until(lambda: len(late.messages()) == 4)
            heard = late.by_topic()
            assert {topic: message.json for topic, message in heard.items() if "status" not in topic} == {
                f"{prefix}/knob": 2,
                f"{prefix}/desk/a%2Bb": {"x": 1.5, "ok": True, "name": "ä"},
                f"{prefix}/event": {"event_type": "press", "timestamp": "", "data": [1]},
            }
            assert heard[f"{prefix}/desk/a%2Bb"].payload == '{"x":1.5,"ok":true,"name":"ä"}'.encode()
            assert heard[f"{prefix}/status"].payload == b"online"
            assert all(message.retained for message in heard.values())
            origin.kernel.stop()
            await until(lambda: late.of(f"{prefix}/status") == [b"online", b"offline"])
    queue = stats_of(origin).queue
    assert exact(queue)
    assert (queue.taken.items, queue.dropped.items) == (5, 0)


@pytest.mark.parametrize("qos", [0, 1, 2])
async def test_every_update_arrives_in_order(broker: Mosquitto, prefix: str, qos: int) -> None:
    """With each quality of service, also when many come at once."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix, qos=qos)
    with Listener(broker, topic=f"{prefix}/knob") as listener:
        async with on_air(origin):
            await until(lambda: origin.metrics()["connected"])
            for number in range(200):
                origin.knob(number)
            await until(lambda: len(listener.messages()) == 200)
    assert [message.json for message in listener.messages()] == list(range(200))
    assert {message.qos for message in listener.messages()} == {qos}


async def test_a_broker_that_returns_gets_the_state_and_what_waited(
    own_broker: Mosquitto, caplog: pytest.LogCaptureFixture
) -> None:
    """It has forgotten everything. Meanwhile updates wait in the queue, by its strategy; all are counted."""
    caplog.set_level(logging.INFO)
    origin = Machine()
    sink = origin.mqtt_sink(own_broker.port, queue={"size": 10})
    async with on_air(origin):
        origin.knob("before", id="still")
        await delivered(origin, 1)
        own_broker.kill()
        await until(lambda: not sink.metrics()["connected"])
        for number in range(25):
            origin.knob(number)
        origin.frame()
        await until(lambda: "no connection to mqtt://127.0.0.1" in caplog.text)
        stats = stats_of(origin)
        assert (stats.state, stats.queue.waiting.items, stats.queue.dropped.items) == ("running", 11, 15)
        own_broker.start()
        with Listener(own_broker, topic="beats/#") as listener:
            await until(lambda: {"beats/still", "beats/knob"} <= listener.by_topic().keys())
            await until(lambda: listener.by_topic()["beats/knob"].json == 24)
            assert listener.by_topic()["beats/still"].json == "before"
    queue = stats_of(origin).queue
    assert exact(queue)
    assert (queue.taken.items, queue.dropped.items) == (12, 15)
    assert "lost:" in caplog.text
    assert "again, after" in caplog.text
    assert sink.metrics()["reconnects_total"] == 1


async def test_the_last_value_is_kept_even_if_the_queue_dropped_it(broker: Mosquitto, prefix: str) -> None:
    """Or a topic that rests would show an old value for ever."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix, queue={"size": 4})
    with Listener(broker, topic=f"{prefix}/#") as listener:
        async with on_air(origin):
            origin.knob(1, id="rare")
            await delivered(origin, 1)
            origin.knob(2, id="rare")
            for number in range(50):
                origin.knob(number)
            await until(lambda: listener.by_topic().get(f"{prefix}/rare", None) is not None)
            await until(lambda: listener.by_topic()[f"{prefix}/rare"].json == 2)
            await until(lambda: listener.by_topic()[f"{prefix}/knob"].json == 49)
    assert exact(stats_of(origin).queue)
    assert stats_of(origin).queue.dropped.items == 47


async def test_unconfirmed_updates_are_published_again(own_broker: Mosquitto) -> None:
    """With a QoS above 0 nothing is lost that has room in the queue."""
    origin = Machine()
    sink = origin.mqtt_sink(own_broker.port, qos=1, connect_timeout_s=0.2)
    async with on_air(origin):
        await until(lambda: sink.metrics()["connected"])
        own_broker.freeze()
        for number in range(30):
            origin.knob(number, id=f"knob-{number}")
        await until(lambda: stats_of(origin).queue.waiting.items == 0)
        own_broker.kill()
        await until(lambda: not sink.metrics()["connected"])
        assert stats_of(origin).queue.waiting.items == 30
        own_broker.start()
        with Listener(own_broker, topic="beats/#") as listener:
            await until(lambda: len(listener.by_topic()) == 31)
    queue = stats_of(origin).queue
    assert exact(queue)
    assert (queue.taken.items, queue.dropped.items) == (30, 0)


async def test_the_end_of_another_stream_with_its_prefix_is_not_its_own(
    broker: Mosquitto, prefix: str
) -> None:
    """It says again that it is online."""
    stays, ends = Machine(), Machine()
    for machine in (stays, ends):
        machine.mqtt_sink(broker.port, prefix=prefix)
    with Listener(broker, topic=f"{prefix}/status") as listener:
        async with on_air(stays):
            async with on_air(ends):
                await until(lambda: stays.metrics()["connected"] and ends.metrics()["connected"])
            await until(lambda: listener.of(f"{prefix}/status")[-2:] == [b"offline", b"online"])
        await until(lambda: listener.of(f"{prefix}/status")[-1:] == [b"offline"])


async def test_a_frozen_broker_is_noticed(own_broker: Mosquitto, caplog: pytest.LogCaptureFixture) -> None:
    """Within twice the keepalive. Meanwhile the queue stays within its bounds; then comes what is fresh."""
    origin = Machine()
    sink = origin.mqtt_sink(
        own_broker.port, keepalive_s=1, connect_timeout_s=0.2, queue={"max_bytes": 4_000_000}
    )
    async with on_air(origin):
        await until(lambda: sink.metrics()["connected"])
        own_broker.freeze()
        while sink.metrics()["connected"]:  # a producer at its own pace
            origin.knob("x" * 100_000)
            await anyio.sleep(0.01)
        queue = stats_of(origin).queue
        assert queue.waiting.bytes <= 8_000_000  # with what was given back
        assert queue.dropped.items > 0
        own_broker.thaw()
        with Listener(own_broker, topic="beats/knob") as listener:
            await until(lambda: sink.metrics()["connected"])
            origin.knob("fresh")
            await until(lambda: listener.messages() and listener.messages()[-1].json == "fresh")
    assert exact(stats_of(origin).queue)
    assert "not currently connected" not in caplog.text
    assert "lost: " in caplog.text


async def test_it_can_be_cancelled_while_the_broker_is_frozen(own_broker: Mosquitto) -> None:
    """While it publishes or connects: it ends long before its timeouts, and all is counted."""
    publishing, connecting = Machine(), Machine()
    publishing.mqtt_sink(own_broker.port, qos=1, keepalive_s=3600)
    connecting.mqtt_sink(own_broker.port, connect_timeout_s=3600)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            await group.start(publishing.kernel.run)
            await until(lambda: publishing.metrics()["connected"])
            own_broker.freeze()
            await group.start(connecting.kernel.run)
            for machine in (publishing, connecting):
                machine.knob(1)
            await until(lambda: stats_of(publishing).queue.waiting.items == 0)
            group.cancel_scope.cancel()
    assert exact(stats_of(publishing).queue)
    assert exact(stats_of(connecting).queue)
    assert stats_of(publishing).queue.dropped.items == 1


async def test_a_refused_login_is_tried_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The setting is logged once, the file is read again each time, and no secret is logged."""
    monkeypatch.setattr("beats.kit.link_status._REFUSED_PAUSE_S", 0.02)
    caplog.set_level(logging.DEBUG)
    (tmp_path / "secret").write_text("wrong-hush")
    (tmp_path / "users").write_text(f"ann:{hashed('right-hush')}\n")
    with Mosquitto(tmp_path, f"password_file {tmp_path}/users\nallow_anonymous false") as broker:
        origin = Machine()
        origin.mqtt_sink(broker.port, user="ann", password_file=tmp_path / "secret")
        async with on_air(origin):
            origin.knob(1)
            await until(lambda: "refuses the login" in caplog.text)
            (tmp_path / "secret").write_text("right-hush\n")
            await delivered(origin, 1)
    said = [each for each in caplog.records if "refuses the login" in each.getMessage()]
    assert [each.levelno for each in said].count(logging.WARNING) == 1
    assert "set user and password" in said[0].getMessage()
    assert "hush" not in caplog.text


async def test_the_connection_can_be_encrypted(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """With a certificate that the settings trust; without them, it is refused and said why."""
    cert, key = make_certificate(tmp_path, "broker")
    with Mosquitto(tmp_path, tls=f"certfile {cert}\nkeyfile {key}") as broker:
        trusting, wary = Machine(), Machine()
        trusting.mqtt_sink(broker.port, tls_ca=cert, prefix="trusting")
        wary.mqtt_sink(broker.port, tls=True, prefix="wary")
        async with on_air(trusting, wary):
            trusting.knob("x" * 300_000)
            await delivered(trusting, 1)
            await until(lambda: "CERTIFICATE_VERIFY_FAILED" in caplog.text)
            assert not wary.metrics()["connected"]
            assert "mqtts://" in caplog.text


async def test_what_is_no_broker_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """Something that closes connections is not waited for; the sink goes on trying."""
    async with linked(free_port()) as closing:
        origin = Machine()
        origin.mqtt_sink(closing.port, connect_timeout_s=3600.0)
        async with on_air(origin):
            await until(lambda: "it closed the connection without an answer" in caplog.text)
            assert stats_of(origin).state == "running"


async def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With how to install it; the sink does not start."""

    def find_nothing(name: str) -> None:
        assert name == "aiomqtt"

    monkeypatch.setattr("beats.adapters.mqtt.broker.find_spec", find_nothing)
    origin = Machine()
    origin.mqtt_sink(1)
    with pytest.raises(StartError, match=r"pip install 'beats\[mqtt\]'"):
        await origin.kernel.run()


async def test_pictures_are_published_as_jpeg_at_most_so_often(broker: Mosquitto, prefix: str) -> None:
    """Each in its own topic, the last one at the end in any case; what was left out is counted."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix, pictures=True, fps=0.1, max_width=8)
    publish = origin.kernel.publisher.publish
    with Listener(broker, topic=f"{prefix}/frame/#") as listener:
        async with on_air(origin):
            publish(Frame(picture("png", 16, 8)))
            publish(Frame(picture("jpeg", 8, 8), "cam/2", "image/jpeg", 8, 8))
            await until(lambda: len(listener.messages()) == 2)
            for shade in range(1, 6):
                publish(Frame(picture("png", 16, 8, shade * 50)))
            await until(lambda: stats_of(origin).queue.waiting.items == 0)
        await until(lambda: len(listener.messages()) == 3)
    first, second = (Image.open(io.BytesIO(data)) for data in listener.of(f"{prefix}/frame"))
    assert [(each.format, each.size) for each in (first, second)] == [("JPEG", (8, 4))] * 2
    assert second.convert("L").getpixel((4, 2)) == pytest.approx(250, abs=3)
    assert listener.of(f"{prefix}/frame/cam/2") == [picture("jpeg", 8, 8)]
    figures = origin.metrics()
    assert (figures["pictures_published_total"], figures["pictures_skipped_total"]) == (3, 4)
    queue = stats_of(origin).queue
    assert exact(queue)
    assert queue.taken.items == 7


async def test_what_cannot_be_published_is_left_out_and_counted(
    broker: Mosquitto, prefix: str, caplog: pytest.LogCaptureFixture
) -> None:
    """An update or a picture that is too large, a picture that cannot be decoded: everything else goes on."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix, pictures=True, fps=60, max_payload_bytes=1000)
    async with on_air(origin):
        origin.knob("x" * 2000)
        origin.frame(5000)
        await until(lambda: origin.metrics()["pictures_unreadable_total"] == 1)
        origin.kernel.publisher.publish(Frame(picture("png", 500, 500)))
        origin.knob("small")
        await until(lambda: origin.metrics()["oversized_total"] == 2)
        await delivered(origin, 1)
    assert "raise max_payload_bytes (1000)" in caplog.text
    assert exact(stats_of(origin).queue)


def hashed(password: str) -> str:
    """A line of mosquitto's file of passwords: PBKDF2 with SHA-512."""
    salt = b"some-salt-12"
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, 101)
    return f"$7$101${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"
