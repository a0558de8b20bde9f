"""What the source `websocket` needs to start."""

from beats.adapters.sources.websocket.settings import WebSocketSourceSettings
from beats.kernel.resources import Input, Resources


def resources(settings: WebSocketSourceSettings, profile: str) -> Resources:
    """The files that its settings name; the other Beats may come later."""
    files = {"token_file": settings.token_file, "tls_ca": settings.tls_ca}
    return Resources(inputs=tuple(Input(key, path) for key, path in files.items() if path is not None))
