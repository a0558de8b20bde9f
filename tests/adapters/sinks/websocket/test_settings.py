"""Settings of the WebSocket sink."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.sinks.websocket import SINK, WebSocketSettings
from beats.adapters.sinks.websocket.resources import resources
from beats.config.settings import QueueSettings
from beats.kernel.resources import Input, Port, Resources
from tests.adapters.sinks.websocket.support import settings


@pytest.mark.parametrize(
    "queue", [{"overflow": "block"}, {"frame": {"overflow": "block"}}, {"peripheral": {"overflow": "BLOCK "}}]
)
def test_a_client_queue_cannot_block(queue: dict[str, object]) -> None:
    """One viewer must not be able to stall the others, in any lane."""
    with pytest.raises(ValidationError, match="client_queue cannot use overflow 'block'"):
        settings(client_queue=queue)


def test_clients_have_the_sinks_queue_by_default() -> None:
    """Bounds and lanes of the sink's queue hold for each viewer too."""
    bounds = settings(queue={"size": 7, "frame": {"size": 2, "overflow": "latest"}}).client_bounds()
    assert (bounds.size, bounds.overflow) == (7, "drop_oldest")
    assert (bounds.per_kind["frame"].size, bounds.per_kind["frame"].overflow) == (2, "latest")
    assert "peripheral" not in bounds.per_kind


def test_a_blocking_sink_has_clients_that_drop_the_oldest() -> None:
    """No producer can wait for a viewer."""
    bounds = settings(queue={"overflow": "block", "frame": {"overflow": "block"}}).client_bounds()
    assert bounds.overflow == bounds.per_kind["frame"].overflow == "drop_oldest"


def test_the_documented_defaults_hold() -> None:
    """Address, bounds and times that existing clients and operators rely on."""
    config = type(settings())(type="websocket")
    assert (config.host, config.public_host, config.port) == ("localhost", "localhost", 8765)
    assert config.queue == QueueSettings(size=256, overflow="drop_oldest")
    assert config.stall_timeout_s == 10.0
    assert config.emojis == (
        *("poop", "skull", "heart", "star", "rainbow"),
        *("seb", "faye", "will", "clem", "cal", "sri", "lampe", "ditto"),
    )


def test_blanks_around_a_host_are_ignored() -> None:
    """In a file as in a variable; what is empty in a file is an error, since somebody wrote it there."""
    config = settings(host=" 0.0.0.0\n", public_host="\twall.local ")
    assert (config.host, config.public_host) == ("0.0.0.0", "wall.local")
    with pytest.raises(ValidationError, match="host"):
        settings(host="  ")


def test_a_profile_can_insist_on_a_token() -> None:
    """Without one it is refused, and told where to put it."""
    with pytest.raises(ValidationError, match="BEATS_SINKS__BROWSER__TOKEN"):
        settings(require_token=True)
    assert settings(require_token=True, token="x").token is not None
    assert settings(require_token=True, token_file=Path("x")).token_file is not None


def test_origins_are_as_browsers_send_them() -> None:
    """So that each matches; what would never match stops the start."""
    assert settings(origins=("https://Wall.example:443/", "*", "file://")).origins == (
        "https://wall.example",
        "*",
        "file://",
    )
    with pytest.raises(ValidationError, match=r"origins.*\n.* https://wall\.example"):
        settings(origins=("wall.example",))


def test_the_least_rate_leaves_room_for_keepalives() -> None:
    """Each ping and pong is counted as a message is."""
    with pytest.raises(ValidationError, match="greater than or equal to 1"):
        settings(max_messages_per_s=0.5)


def of(**settings: Any) -> Resources:
    return resources(WebSocketSettings(type="websocket", **settings), "studio")


def test_it_claims_its_port() -> None:
    """With the host, and whether others may share it."""
    assert of() == Resources(ports=(Port("port", "localhost", 8765),), connections=1256)
    assert of(host="::1", port=1, reuse_port=True).ports == (Port("port", "::1", 1, True),)
    assert SINK.resources is resources


def test_it_needs_the_files_that_it_names() -> None:
    """Tokens and certificates."""
    files = of(
        token_file=Path("a"), control_token_file=Path("b"), tls_cert=Path("c"), tls_key=Path("d")
    ).inputs
    assert files == (
        Input("token_file", Path("a")),
        Input("control_token_file", Path("b")),
        Input("tls_cert", Path("c")),
        Input("tls_key", Path("d")),
    )


def test_it_needs_a_connection_for_each_viewer_and_each_handshake() -> None:
    """Each takes one of the files that a process may have open."""
    assert of(max_clients=10, max_handshakes=3).connections == 13


def test_an_open_door_may_not_be_meant() -> None:
    """Everyone can watch on every address without a token; a token, or one address, is a decision."""
    [doubt] = of(host="0.0.0.0").doubts
    assert doubt.key == "host"
    assert "set token" in doubt.text
    for host in ("::", "*", "0", " 0.0.0.0 "):
        assert of(host=host, control_token="x").doubts != ()
    assert of(host="0.0.0.0", token="x").doubts == ()
    assert of(host="0.0.0.0", token_file=Path("x")).doubts == ()
    assert of(host="192.0.2.1").doubts == ()
