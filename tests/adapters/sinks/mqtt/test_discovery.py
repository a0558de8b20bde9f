"""What Home Assistant is told."""

import json
import logging
from typing import Any

import pytest

from beats.adapters.mqtt.topics import Topics
from beats.adapters.sinks.mqtt import MqttSinkSettings
from beats.adapters.sinks.mqtt.discovery import Discovery
from beats.kernel.envelope import Envelope, Frame, Peripheral, Tag
from beats.kit.throttled_log import ThrottledLog
from tests.support import picture
from tests.support.mqtt import Listener, Mosquitto
from tests.support.relay import Machine, on_air, until


def announced(data: object, *tags: Tag, id_: str = "knob", known: Discovery | None = None) -> dict[str, Any]:
    """The announcements of an update, by topic."""
    payload = json.dumps(data).encode()
    envelope = Envelope("peripheral", f"peripheral/{id_}", 1, 0, 0, Peripheral(id_, data, tags), payload)
    messages = (known or discovery()).of_update(envelope, payload)
    return {message.topic: json.loads(message.payload) for message in messages}


def discovery() -> Discovery:
    settings = MqttSinkSettings(type="mqtt", prefix="wall")
    return Discovery(settings, Topics("wall"), ThrottledLog(logging.getLogger(__name__), "sink"))


def test_a_number_is_a_sensor() -> None:
    """With its unit and class from the metadata of its tags, and what makes it one of a device."""
    tag = Tag("sensor", "temperature", {"unit": "°C", "device_class": "temperature", "maker": "x"})
    (place, found), *others = announced(21.5, tag, id_="desk/temperature").items()
    assert not others
    assert place.startswith("homeassistant/sensor/beats_wall/desk_temperature_")
    assert place.endswith("/config")
    assert found.pop("unique_id").startswith("beats_wall_desk_temperature_")
    assert found.pop("device")["identifiers"] == ["beats_wall"]
    assert found.pop("origin")["name"] == "Beats"
    assert found == {
        "name": "desk/temperature",
        "state_topic": "wall/desk/temperature",
        "availability_topic": "wall/status",
        "state_class": "measurement",
        "unit_of_measurement": "°C",
        "device_class": "temperature",
    }


def test_a_boolean_is_a_binary_sensor() -> None:
    """Its states are JSON's."""
    found = announced(True)["homeassistant/binary_sensor/beats_wall/knob/config"]
    assert (found["payload_on"], found["payload_off"]) == ("true", "false")
    assert "value_template" not in found
    assert "state_class" not in found


def test_each_number_in_an_object_is_a_sensor() -> None:
    """Nested ones, too; whatever their keys are. Text and lists are not announced."""
    data = {"x": 1, "down": False, "in": {'a"b': 2}, "name": "text", "list": [1], "none": None}
    found = announced(data)
    templates = [(each["name"], each["value_template"]) for each in found.values()]
    assert templates == [
        ("knob x", '{{ value_json["x"] }}'),
        ("knob down", '{{ value_json["down"] | lower }}'),
        ('knob in a"b', '{{ value_json["in"]["a\\"b"] }}'),
    ]
    assert len({each["unique_id"] for each in found.values()}) == len(found) == 3


def test_what_was_announced_is_not_announced_again() -> None:
    """New keys are; and everything after a reconnection."""
    known = discovery()
    assert len(announced({"x": 1}, known=known)) == 1
    assert len(announced({"x": True, "y": 2}, known=known)) == 1
    assert announced({"x": 3, "y": 4}, known=known) == {}
    known.forget()
    assert len(announced({"x": 1, "y": 2}, known=known)) == 2


def test_announcements_are_bounded() -> None:
    """Of one update, and in all."""
    known = discovery()
    assert len(announced({str(number): number for number in range(100)}, known=known)) == 32
    for number in range(100):
        announced(dict.fromkeys(map(str, range(32)), 1), id_=f"id-{number}", known=known)
    assert announced(1, id_="another", known=known) == {}


def test_places_differ_if_ids_differ() -> None:
    """Also where Home Assistant allows fewer characters than ids have."""
    ids = ("a b", "a_b", "a/b", "a.b", "ä_b")
    assert len({place for id_ in ids for place in announced(1, id_=id_)}) == len(ids)


@pytest.mark.anyio
async def test_announcements_reach_the_broker_before_values(broker: Mosquitto, prefix: str) -> None:
    """They are kept there; with pictures, each picture is a camera."""
    origin = Machine()
    origin.mqtt_sink(broker.port, prefix=prefix, discovery=True, pictures=True)
    with Listener(broker, topic="#") as listener:
        async with on_air(origin):
            origin.knob(1)
            origin.kernel.publisher.publish(Frame(picture("png", 4, 4), "cam"))
            await until(lambda: f"{prefix}/frame/cam" in listener.by_topic())
            await until(lambda: f"{prefix}/knob" in listener.by_topic())
    order = [message.topic for message in listener.messages()]
    sensor = f"homeassistant/sensor/beats_{prefix}/knob/config"
    (place,) = [topic for topic in order if topic.startswith("homeassistant/camera")]
    assert order.index(sensor) < order.index(f"{prefix}/knob")
    assert order.index(place) < order.index(f"{prefix}/frame/cam")
    assert listener.by_topic()[place].json["topic"] == f"{prefix}/frame/cam"
    with Listener(broker, topic="homeassistant/#") as late:
        await until(lambda: {sensor, place} <= late.by_topic().keys())
        assert late.by_topic()[sensor].retained
