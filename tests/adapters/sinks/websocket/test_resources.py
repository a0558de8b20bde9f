"""What the WebSocket server needs to start."""

from pathlib import Path
from typing import Any

from beats.adapters.sinks.websocket import SINK, WebSocketSettings
from beats.adapters.sinks.websocket.resources import resources
from beats.kernel.resources import Input, Port, Resources


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
