"""The settings of the source `websocket`."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from beats.config.settings import MIB, Settings, SourceSettings
from beats.kernel.envelope import KINDS, Kind
from beats.kernel.resources import Resources, Server
from beats.kit.connecting import ConnectingSettings, InboxSettings, Seconds
from beats.kit.paths import named_files
from beats.kit.secrets import Secret, check_places

_SCHEMES: Final = ("ws", "wss")
_MAX_PATTERNS: Final = 32
_MAX_FPS: Final = 1000.0


class _StreamSettings(Settings):
    """Another Beats server, and which part of its stream to take."""

    url: str = "ws://localhost:8765"
    """Address of the other server, ws://HOST:PORT or wss://HOST:PORT, as its viewers use it."""
    token: Secret | None = None
    """The token that it asks viewers for, if any."""
    token_file: Path | None = None
    """A file that holds it, in place of `token`."""
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1)] = KINDS
    """Which kinds to take: frame, peripheral, or both."""
    topics: Annotated[
        tuple[Annotated[str, Field(min_length=1, pattern="^[^,]*$")], ...], Field(max_length=_MAX_PATTERNS)
    ] = ()
    """Which topics to take, as patterns such as "peripheral/knob-*"; by default all."""
    formats: Annotated[tuple[Literal["png", "jpeg", "webp", "avif"], ...], Field(min_length=1)] = (
        "png",
        "jpeg",
        "webp",
        "avif",
    )
    """In which formats to take frames; the other server encodes all others in the first of these that it can.
    By default all as they are. For a slow link: ["jpeg"]."""
    quality: Annotated[int, Field(ge=1, le=100)] | None = None
    """Quality of frames that the other server encodes as JPEG or WebP, 1 to 100; by default 85."""
    max_width: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Let the other server scale wider frames down to so many pixels."""
    max_fps: Annotated[float, Field(gt=0, le=_MAX_FPS)] | None = None
    """Most frames a second, always the newest; by default all. For a slow link."""
    max_message_bytes: Annotated[int, Field(ge=1024)] = 64 * MIB
    """Largest envelope in bytes; a larger one ends the connection."""
    open_timeout_s: Seconds = 3.0
    """Seconds that the other server has to accept a connection."""

    @field_validator("url")
    @classmethod
    def _valid_address(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            is_address = parts.scheme in _SCHEMES and bool(parts.hostname) and parts.port != 0
        except ValueError:
            is_address, parts = False, urlsplit("")
        if not is_address:
            raise ValueError("must be an address of the form ws://HOST:PORT or wss://HOST:PORT")
        if parts.query or parts.fragment:
            raise ValueError(
                "must end before the query: what it holds, such as token and topics, are settings"
            )
        if "@" in parts.netloc:
            raise ValueError("must hold no user: the other server asks for a token")
        return url

    @model_validator(mode="after")
    def _one_token(self) -> Self:
        check_places(self, "token")
        return self


class WebSocketSourceSettings(ConnectingSettings, _StreamSettings, SourceSettings):
    """Which server to connect to, and the queue for what comes from it."""

    queue: InboxSettings = InboxSettings()
    """The queue between the network and the bus, for when the bus is delayed."""

    @model_validator(mode="after")
    def _encrypted(self) -> Self:
        if self.tls_ca is not None and not self.url.startswith("wss:"):
            raise ValueError("tls_ca is for an address that begins with wss://: give that, or leave it out")
        return self

    def resources(self, profile: str) -> Resources:
        """The files that the settings name; the other Beats may start later."""
        parts = urlsplit(self.url)
        port = parts.port or (443 if parts.scheme == "wss" else 80)
        return Resources(
            inputs=named_files(self, "token_file", "tls_ca"),
            servers=(Server("url", parts.hostname or "", port),),
        )
