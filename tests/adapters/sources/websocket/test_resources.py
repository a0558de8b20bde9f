"""What the source `websocket` needs to start."""

from pathlib import Path

from beats.adapters.sources.websocket import SOURCE, WebSocketSourceSettings
from beats.kernel.resources import Input, Resources


def test_it_needs_the_files_that_its_settings_name() -> None:
    """The other Beats may come later."""
    settings = WebSocketSourceSettings(
        type="websocket", url="wss://wall", token_file=Path("a"), tls_ca=Path("b")
    )
    assert SOURCE.resources(settings, "test") == Resources(
        inputs=(Input("token_file", Path("a")), Input("tls_ca", Path("b")))
    )
    assert SOURCE.resources(WebSocketSourceSettings(type="websocket"), "test") == Resources()
