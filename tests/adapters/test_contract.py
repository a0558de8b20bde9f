"""The contract that every sink and source keeps; a new adapter is tested before its author writes a line."""

import io
import socket
import threading
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from beats.config.schema import descriptions
from beats.config.settings import Settings, SinkSettings, SourceSettings
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.ports import Sink
from beats.kernel.testing import check_kind, check_sink, check_source
from beats.proto.codec import StreamCodec
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters
from tests.adapters.led.support import free_udp_port
from tests.adapters.sources.support import context
from tests.recordings.support import lines, record
from tests.support import PORT_0, beats
from tests.support.mqtt import Mosquitto, send
from tests.support.nats import NatsServer
from tests.support.xvfb import Xvfb

CONTEXT = context("it")

# What an adapter needs beyond its defaults to run in a test.
SINK_SETTINGS: dict[str, Mapping[str, object]] = {
    "artnet": {"host": ("127.0.0.1:9",), "size": (8, 8)},
    "ddp": {"host": ("127.0.0.1:9",), "size": (8, 8)},
    "sacn": {"host": ("127.0.0.1:9",), "size": (8, 8)},
    "websocket": {"port": 0},
}
SOURCE_SETTINGS: dict[str, Mapping[str, object]] = {
    "command": {"run": ("sh", "-c", """echo '{"data": 1}'; sleep 1000""")},
    "images": {"path": "picture.gif"},
    "jsonl": {"path": "lines.jsonl"},
    "replay": {"path": "show.mcap"},
    "video": {"input": "lavfi:testsrc=size=64x48"},
}


@contextmanager
def _osc_sender() -> Generator[int]:
    """Sends to a free UDP port again and again."""
    ended = threading.Event()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
            free.bind(("127.0.0.1", 0))
            port: int = free.getsockname()[1]

        def send() -> None:
            while not ended.wait(0.02):
                sender.sendto(b"/knob\0\0\0,i\0\0\0\0\0\1", ("127.0.0.1", port))

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield port
        finally:
            ended.set()
            thread.join()


@pytest.fixture(scope="module", autouse=True)
def _machines_to_connect_to(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An OSC sender, an MQTT broker, a NATS server, a screen, and another Beats that sends to both."""
    folder = tmp_path_factory.mktemp("machines")
    with (
        NatsServer(folder) as server,
        Mosquitto(folder) as broker,
        _osc_sender() as osc_port,
        Xvfb(folder) as x,
    ):
        SOURCE_SETTINGS["osc"] = {"port": osc_port}
        SOURCE_SETTINGS["screen"] = {"display": x.display}
        send(broker, "knob", b"1", "-r")
        SOURCE_SETTINGS["mqtt"] = {"port": broker.port, "topics": ("knob",)}
        SINK_SETTINGS["mqtt"] = {"port": broker.port, "discovery": True, "pictures": True}
        sink = ("--set", "sinks.relay.type=nats", "--set", f"sinks.relay.servers={server.url}")
        arguments = ["run", *PORT_0, *sink, "--set", "sinks.relay.stream=demo"]
        for type_ in ("artnet", "sacn"):
            SOURCE_SETTINGS[type_] = {"host": "127.0.0.1", "port": free_udp_port(), "size": (8, 8)}
            wall = {"type": type_, "host": f"127.0.0.1:{SOURCE_SETTINGS[type_]['port']}", "size": [8, 8]}
            arguments += [each for key in wall for each in ("--set", f"sinks.{type_}.{key}={wall[key]}")]
        with beats(*arguments, cwd=folder, stdin=None) as other:
            SINK_SETTINGS["nats"] = {"servers": (server.url,)}
            SOURCE_SETTINGS["nats"] = {"servers": (server.url,), "stream": "demo"}
            SOURCE_SETTINGS["websocket"] = {"url": other.url}
            yield


@pytest.fixture(autouse=True)
def _in_a_folder_with_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "green")]
    frames[0].save(tmp_path / "picture.gif", save_all=True, append_images=frames[1:], duration=50)
    (tmp_path / "lines.jsonl").write_text('{"id": "knob", "data": 1}\n' * 3)
    record(tmp_path / "show.mcap", lines(60))
    monkeypatch.chdir(tmp_path)


def sink_settings(name: str) -> Any:
    return SINKS.find(name).settings.model_validate({"type": name, **SINK_SETTINGS.get(name, {})})


def source_settings(name: str) -> Any:
    return SOURCES.find(name).settings.model_validate({"type": name, **SOURCE_SETTINGS.get(name, {})})


def picture() -> Frame:
    buffer = io.BytesIO()
    Image.new("RGB", (2, 2)).save(buffer, "PNG")
    return Frame(buffer.getvalue())


def documented(settings: type[Settings]) -> bool:
    return descriptions(settings).keys() == settings.model_fields.keys()


EVERYTHING = [("sink", name) for name in SINKS.names()] + [("source", name) for name in SOURCES.names()]


@pytest.mark.parametrize(("role", "name"), EVERYTHING)
def test_the_settings_of_an_adapter_are_typed_documented_and_closed(role: str, name: str) -> None:
    """Each field has its help; unknown keys are refused; a built adapter has frozen settings."""
    kind: Any = SINKS.find(name) if role == "sink" else SOURCES.find(name)
    model = kind.settings
    assert issubclass(model, SinkSettings if role == "sink" else SourceSettings)
    assert documented(model)
    assert InstalledAdapters().settings("sinks" if role == "sink" else "sources", name) is model


@pytest.mark.parametrize(("role", "name"), EVERYTHING)
def test_telling_resources_and_building_open_nothing(role: str, name: str) -> None:
    """They start no thread, open no file and no socket, and write nothing. Each resource names a setting."""
    kind: Any = SINKS.find(name) if role == "sink" else SOURCES.find(name)
    check_kind(kind, sink_settings(name) if role == "sink" else source_settings(name), CONTEXT)


@pytest.mark.parametrize("name", SINKS.names())
def test_a_sink_takes_everything_and_ends_with_its_queue(name: str) -> None:
    """It takes what was published, ends when the queue ends, and leaves nothing open; also when cancelled.

    Each of its own metrics is explained.
    """
    kind = SINKS.find(name)

    def make() -> Sink:
        for file in Path().rglob("*.mcap"):  # of an earlier run
            file.unlink()
        return kind.build(sink_settings(name), CONTEXT)

    messages = [each for value in range(20) for each in (Peripheral("knob", value), picture())]
    check_sink(make, messages, StreamCodec(), kind.metrics)


@pytest.mark.parametrize("name", SOURCES.names())
def test_a_source_publishes_what_can_be_encoded_and_can_be_cancelled(name: str) -> None:
    """Its messages pass the real codec, and cancellation at any time leaves nothing behind.

    Each of its own metrics is explained.
    """
    kind = SOURCES.find(name)
    check_source(lambda: kind.build(source_settings(name), CONTEXT), StreamCodec(), kind.metrics)
