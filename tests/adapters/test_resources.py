"""What each adapter needs to start, by its settings."""

from pathlib import Path
from typing import Any

import pytest

from beats.adapters.sinks.mqtt import MqttSinkSettings
from beats.adapters.sinks.nats import NatsSinkSettings
from beats.adapters.sinks.recorder import RecorderSettings
from beats.adapters.sources.images import ImagesSettings
from beats.adapters.sources.jsonl import JsonlSettings
from beats.adapters.sources.mqtt import MqttSourceSettings
from beats.adapters.sources.nats import NatsSourceSettings
from beats.adapters.sources.replay import ReplaySettings
from beats.adapters.sources.websocket import WebSocketSourceSettings
from beats.kernel.resources import Claim, Input, Output, Package, Resources, Server


def recorder(**settings: Any) -> Resources:
    return RecorderSettings(type="recorder", **settings).resources("studio")


def test_the_images_source_needs_its_pictures() -> None:
    """A file or a folder; `~` is expanded."""
    settings = ImagesSettings(type="images", path="~/a.gif")
    assert settings.resources("x").inputs == (Input("path", Path.home() / "a.gif", "any"),)


def test_the_jsonl_source_needs_its_file() -> None:
    """Standard input is always there; a file that is followed may come later."""
    plain = JsonlSettings(type="jsonl", path="a").resources("x")
    followed = JsonlSettings(type="jsonl", path="a", follow=True).resources("x")
    assert plain == Resources(inputs=(Input("path", Path("a")),))
    assert followed == Resources(inputs=(Input("path", Path("a"), may_come=True),))
    assert JsonlSettings(type="jsonl").resources("x") == Resources()


def test_the_replay_source_needs_its_recordings() -> None:
    """Each file, and each folder with those below it; `~` is expanded."""
    one, other = (
        Input(
            "path",
            path,
            "any",
            (".mcap", ".mcap.part"),
            is_deep=True,
            begins_with=b"\x89MCAP0\r\n",
            may_be_empty=True,
            is_called="recording",
        )
        for path in (Path("a.mcap"), Path.home() / "b")
    )
    assert ReplaySettings(type="replay", path=("a.mcap", "~/b")).resources("x") == Resources(
        inputs=(one, other)
    )


def test_the_websocket_source_needs_the_files_that_its_settings_name() -> None:
    """The other Beats may start later."""
    settings = WebSocketSourceSettings(
        type="websocket", url="wss://wall", token_file=Path("a"), tls_ca=Path("b")
    )
    assert settings.resources("x").inputs == (Input("token_file", Path("a")), Input("tls_ca", Path("b")))
    assert settings.resources("x").servers == (Server("url", "wall", 443),)
    plain = WebSocketSourceSettings(type="websocket").resources("x")
    assert plain == Resources(servers=(Server("url", "localhost", 8765),))


@pytest.mark.parametrize("model", [NatsSinkSettings, NatsSourceSettings])
def test_nats_adapters_need_a_package_and_the_files_that_their_settings_name(
    model: type[NatsSinkSettings | NatsSourceSettings],
) -> None:
    """The package comes with an extra; credentials need one more; the server may start later."""
    assert model(type="nats").resources("x") == Resources(
        packages=(Package("type", "nats", "beats[nats]"),),
        servers=(Server("servers", "127.0.0.1", 4222),),
    )
    files = {name: Path(name) for name in ("credentials_file", "tls_ca", "tls_cert", "tls_key")}
    resources = model.model_validate({"type": "nats", **files}).resources("x")
    assert resources.inputs == tuple(Input(key, path) for key, path in files.items())
    assert Package("credentials_file", "nkeys", "nkeys") in resources.packages


@pytest.mark.parametrize("model", [MqttSinkSettings, MqttSourceSettings])
def test_mqtt_adapters_need_a_package_files_and_a_broker(
    model: type[MqttSinkSettings | MqttSourceSettings],
) -> None:
    """The broker may start later."""
    files = {name: Path(name) for name in ("password_file", "tls_ca", "tls_cert", "tls_key")}
    topics = {"topics": ("#",)} if model is MqttSourceSettings else {}
    settings = model.model_validate({"type": "mqtt", "host": "hub", "user": "a", **topics, **files})
    assert settings.resources("x") == Resources(
        inputs=tuple(Input(key, path) for key, path in files.items()),
        servers=(Server("host", "hub", 1883),),
        packages=(Package("type", "aiomqtt", "beats[mqtt]"),),
        claims=() if topics else (Claim("prefix", "the topics beats/# of hub:1883"),),
    )


def test_the_recorder_needs_its_file() -> None:
    """A name without time and number must be free; the same settings always give the same name."""
    assert recorder(path="a/{profile}.mcap").outputs == (Output("path", Path("a/studio.mcap"), is_new=True),)
    assert recorder(path="a-{part}.mcap").outputs == (Output("path", Path("a-1.mcap")),)
    assert recorder() == recorder()
    assert recorder().outputs[0].is_new is False


@pytest.mark.parametrize("settings", [{"idle": True}, {"snapshot_s": 5.0}])
def test_a_recorder_that_records_on_command_may_find_its_name_taken(settings: dict[str, Any]) -> None:
    """It counts the name up when a file from an earlier command has it."""
    assert recorder(path="a.mcap", **settings).outputs == (Output("path", Path("a.mcap")),)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"keep_bytes": 10**9}, ["keep_bytes: the file being written is not counted and may grow"]),
        ({"keep_bytes": 10**9, "rotate_bytes": 0}, ["keep_bytes: the file being written is not counted"]),
        ({"keep_bytes": 10**9, "rotate_bytes": 10**8}, []),
        ({"keep_parts": 3, "rotate_bytes": 0, "rotate_s": 0}, ["keep_parts: nothing is ever deleted"]),
        ({"keep_parts": 3, "rotate_bytes": 0, "rotate_s": 0, "idle": True}, []),
        ({"keep_parts": 3}, []),
        ({"rotate_bytes": 0, "rotate_s": 0}, []),
    ],
)
def test_retention_that_will_exceed_its_bound_is_doubted(settings: dict[str, Any], said: list[str]) -> None:
    """Only finished files count, so the file being written must be small against the bound."""
    doubts = [f"{doubt.key}: {doubt.text}" for doubt in recorder(**settings).doubts]
    assert len(doubts) == len(said)
    assert all(doubt.startswith(begin) for doubt, begin in zip(doubts, said, strict=True))


@pytest.mark.parametrize(("compression", "module"), [("lz4", "lz4.frame"), ("zstd", "zstandard")])
def test_the_recorder_needs_a_package_to_compress(compression: str, module: str) -> None:
    """Without compression it needs none."""
    assert [package.module for package in recorder(compression=compression).packages] == [module]
    assert recorder().packages == ()
