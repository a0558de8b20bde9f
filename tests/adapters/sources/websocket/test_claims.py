"""What the source `websocket` needs to start."""

from pathlib import Path

from beats.adapters.sources.websocket import SOURCE, WebSocketSourceSettings
from beats.kernel.claims import Claims, Input


def test_it_needs_the_files_that_its_settings_name() -> None:
    """The other Beats may come later."""
    settings = WebSocketSourceSettings(
        type="websocket", url="wss://wall", token_file=Path("a"), tls_ca=Path("b")
    )
    assert SOURCE.claims(settings, "test") == Claims(
        inputs=(Input("token_file", Path("a")), Input("tls_ca", Path("b")))
    )
    assert SOURCE.claims(WebSocketSourceSettings(type="websocket"), "test") == Claims()
