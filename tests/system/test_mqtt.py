"""The profiles `home` and `sensors`: the real command with a real MQTT broker."""

import signal
from pathlib import Path

from PIL import Image

from tests.support import PORT_0, beats, until
from tests.support.mqtt import Listener, Mosquitto, send


def test_the_profile_home_shows_the_demo_to_home_assistant(tmp_path: Path) -> None:
    """Values, pictures and announcements; when the process is killed, the broker says that it is offline."""
    with Mosquitto(tmp_path) as broker, Listener(broker, topic="beats/#") as listener:
        sets = ("--set", f"sinks.mqtt.port={broker.port}", "--set", "sinks.browser.port=0")
        with beats("run", "--profile", "home", *sets, cwd=tmp_path, stdin=None) as program:
            wanted = {"beats/knob-1", "beats/accel-1", "beats/button-1", "beats/frame"}
            until(lambda: wanted <= listener.by_topic().keys())
            assert listener.by_topic()["beats/status"].payload == b"online"
            acceleration = listener.by_topic()["beats/accel-1"].json
            (tmp_path / "picture").write_bytes(listener.by_topic()["beats/frame"].payload)
            with Image.open(tmp_path / "picture") as picture:
                assert picture.format == "JPEG"
            with Listener(broker, topic="homeassistant/#") as home_assistant:
                until(lambda: len(home_assistant.by_topic()) >= len(acceleration) + 1)
                announced = list(home_assistant.by_topic().values())
            assert all(each.retained for each in announced)
            names = {each.json["name"] for each in announced}
            assert {"frame", *(f"accel-1 {key}" for key in acceleration)} <= names
            (sink,) = (
                each for each in program.fetch("/api/stats").json["stats"]["sinks"] if each["name"] == "mqtt"
            )
            assert sink["figures"]["connected"] == 1
            assert "beats_sink_updates_published_total" in program.fetch("/metrics").text
            program.signal(signal.SIGKILL)
            program.end()
            until(lambda: listener.by_topic()["beats/status"].payload == b"offline")


def test_the_profile_sensors_shows_what_is_on_a_broker(tmp_path: Path) -> None:
    """The last values of the topics that are chosen, in the answers for browsers and for Prometheus."""
    with Mosquitto(tmp_path) as broker:
        send(broker, "zigbee2mqtt/lamp", b'{"state": "ON"}', "-r")
        send(broker, "other", b"1", "-r")
        sets = ("--set", f"sources.mqtt.port={broker.port}", *PORT_0)
        variables = {"BEATS_MQTT_TOPICS": "zigbee2mqtt/#,tele/+/SENSOR"}
        with beats("run", "--profile", "sensors", *sets, cwd=tmp_path, stdin=None, **variables) as program:
            send(broker, "tele/plug/SENSOR", b"21.5", "-r")
            until(lambda: len(program.fetch("/api/last").json["peripherals"]) == 2)
            updates = {each["id"]: each["data"] for each in program.fetch("/api/last").json["peripherals"]}
            assert updates == {"zigbee2mqtt/lamp": {"state": "ON"}, "tele/plug/SENSOR": 21.5}
            metrics = program.fetch("/metrics").text
            assert 'beats_source_messages_total{source="mqtt"} 2.0' in metrics
            assert 'beats_source_connected{source="mqtt"} 1.0' in metrics
            assert program.interrupt() == 0
