"""What the sink `websocket` needs to start."""

from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.kernel.resources import Doubt, Input, Port, Resources
from beats.kit.addresses import is_wildcard


def resources(settings: WebSocketSettings, profile: str) -> Resources:
    """Its port, and the files that its settings name."""
    files = {
        "token_file": settings.token_file,
        "control_token_file": settings.control_token_file,
        "tls_cert": settings.tls_cert,
        "tls_key": settings.tls_key,
    }
    is_open = settings.token is None and settings.token_file is None
    doubts = [Doubt("host", "everyone who reaches this machine can watch: set token, or token_file, or host")]
    return Resources(
        ports=(Port("port", settings.host, settings.port, settings.reuse_port),),
        inputs=tuple(Input(key, path) for key, path in files.items() if path is not None),
        doubts=tuple(doubts) if is_open and is_wildcard(settings.host) else (),
        connections=settings.max_clients + settings.max_handshakes,
    )
