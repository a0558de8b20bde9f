"""Settings of the WebSocket sink, and the resources that they name."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.sinks.websocket import WebSocketSettings
from beats.config.settings import QueueSettings
from beats.kernel.resources import Input, Port, Resources
from tests.adapters.sinks.websocket.support import settings

TOKEN = "correct horse battery"


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"client_queue": {"overflow": "block"}}, r"client_queue\n.*cannot use overflow 'block'"),
        ({"client_queue": {"frame": {"overflow": "block"}}}, r"client_queue\n.*cannot use overflow 'block'"),
        ({"client_queue": {"peripheral": {"overflow": "BLOCK "}}}, "cannot use overflow 'block'"),
        ({"tls_cert": Path("a")}, "tls_cert and tls_key go together"),
        ({"token": "a", "token_file": Path("b")}, "token and token_file"),
        ({"control_token": "a", "control_token_file": Path("b")}, "control_token and control_token_file"),
        ({"token": ""}, "at least 1"),
        ({"require_token": True}, "BEATS_SINKS__BROWSER__TOKEN"),
        ({"host": "  "}, "host"),
        ({"origins": ("wall.example",)}, r"origins.*\n.* https://wall\.example"),
        ({"frame_ancestors": ("home.example",)}, r"frame_ancestors.*\n.* https://home\.example"),
        ({"frame_ancestors": ("null",)}, r"frame_ancestors.*\n.* is not an origin of web pages"),
        ({"frame_ancestors": ("https://a;script-src",)}, "is not an origin of web pages"),
        ({"max_messages_per_s": 0.5}, "greater than or equal to 1"),  # keepalives count as messages
    ],
)
def test_settings_that_contradict_each_other_are_refused(changes: dict[str, object], why: str) -> None:
    """Pairs that are incomplete or doubled, a queue that lets one viewer stall the others, and bad values."""
    with pytest.raises(ValidationError, match=why):
        settings(**changes)


def test_clients_have_the_sinks_queue_by_default() -> None:
    """With its bounds and lanes; but no producer can wait for a viewer, so `drop_oldest` replaces `block`."""
    bounds = settings(queue={"size": 7, "frame": {"size": 2, "overflow": "latest"}}).client_bounds()
    assert (bounds.size, bounds.overflow) == (7, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (2, "latest")
    assert "peripheral" not in bounds.per_kind
    bounds = settings(queue={"overflow": "block", "frame": {"overflow": "block"}}).client_bounds()
    assert bounds.overflow == bounds.per_kind["frame"].overflow == "drop_oldest"


def test_the_documented_defaults_hold() -> None:
    """Existing clients and operators rely on them."""
    config = WebSocketSettings(type="websocket")
    assert (config.host, config.public_host, config.port) == ("localhost", "localhost", 8765)
    assert config.queue == QueueSettings(size=256, overflow="drop_oldest")
    assert config.stall_timeout_s == 10.0
    assert config.emojis == (
        *("poop", "skull", "heart", "star", "rainbow"),
        *("seb", "faye", "will", "clem", "cal", "sri", "lampe", "ditto"),
    )


def test_values_are_normalised() -> None:
    """Blanks around a host are removed, and origins are as browsers send them."""
    config = settings(host=" 0.0.0.0\n", public_host="\twall.local ")
    assert (config.host, config.public_host) == ("0.0.0.0", "wall.local")
    origins = ("https://Wall.example:443/", "*", "file://")
    assert settings(origins=origins).origins == ("https://wall.example", "*", "file://")


def test_tokens_are_not_shown_with_the_settings() -> None:
    """Neither in a text of the settings nor in their dump. A required one may also be in a file."""
    config = settings(token=TOKEN, control_token=TOKEN)
    assert TOKEN not in f"{config!r} {config} {config.model_dump()}"
    assert settings(require_token=True, token="x").token is not None
    assert settings(require_token=True, token_file=Path("x")).token_file is not None


def of(**changes: Any) -> Resources:
    return WebSocketSettings(type="websocket", **changes).resources("studio")


def test_it_needs_a_port_files_and_connections() -> None:
    """A connection for each viewer and each handshake, since each takes a file descriptor."""
    assert of() == Resources(ports=(Port("port", "localhost", 8765),), connections=1256)
    assert of(host="::1", port=1, reuse_port=True).ports == (Port("port", "::1", 1, True),)
    assert of(max_clients=10, max_handshakes=3).connections == 13
    files = {"token_file": "a", "control_token_file": "b", "tls_cert": "c", "tls_key": "d"}
    found = of(**{key: Path(name) for key, name in files.items()}).inputs
    assert found == tuple(Input(key, Path(name)) for key, name in files.items())


def test_a_server_open_to_all_is_doubted() -> None:
    """On every address and without a token to watch; a token, or one address, is a decision."""
    [doubt] = of(host="0.0.0.0").doubts
    assert doubt.key == "host"
    assert "set token" in doubt.text
    for host in ("::", "*", "0", " 0.0.0.0 "):
        assert of(host=host, control_token="x").doubts != ()
    for closed in ({"token": "x"}, {"token_file": Path("x")}, {"host": "192.0.2.1"}):
        assert of(**{"host": "0.0.0.0", **closed}).doubts == ()
