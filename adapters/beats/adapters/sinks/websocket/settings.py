"""The settings of the sink `websocket`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Self

from pydantic import AfterValidator, Field, SecretStr, model_validator

from beats.adapters.http.access import as_origin
from beats.config.settings import HostName, QueueSettings, SinkSettings
from beats.kernel.resources import Doubt, Input, Port, Resources
from beats.kit.addresses import is_wildcard

if TYPE_CHECKING:  # settings are read and checked without what a running queue needs
    from beats.kernel.queue.bounds import QueueBounds

ADJUSTABLE: Final = frozenset(
    {
        "burst_interval_s",
        "client_queue",
        "control_token",
        "control_token_file",
        "emojis",
        "max_clients",
        "max_clients_per_address",
        "max_messages_per_s",
        "origins",
        "stall_timeout_s",
        "token",
        "token_file",
    }
)
"""What can change while the server runs. Viewers that are connected stay, with the queue and the allowance
that they came with; tokens and limits are for those who come."""

Seconds = Annotated[float, Field(gt=0, le=86400)]
Secret = Annotated[SecretStr, Field(min_length=1)]
Origin = Annotated[str, AfterValidator(as_origin)]


class WebSocketSettings(SinkSettings):
    """A WebSocket server."""

    host: HostName = "localhost"
    """Address to listen on; `localhost` is reached from this machine only, `0.0.0.0` from any by IPv4, `::`
    from any by IPv4 and IPv6."""
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    """Port to listen on; 0 takes a free one and reports it."""
    public_host: HostName = "localhost"
    """Name that viewers are told to connect to."""
    reuse_port: bool = False
    """Let several processes listen on one port and share its viewers (SO_REUSEPORT)."""

    client_queue: QueueSettings | None = None
    """The queue of a viewer that does not keep up; by default as the sink's own, `block` taken as
    `drop_oldest`. With `error`, a viewer whose queue is full is closed with code 1013."""
    stall_timeout_s: Seconds = 10.0
    """Seconds after which a viewer is closed whose socket accepts no byte."""
    burst_interval_s: Annotated[float, Field(ge=0, le=1)] = 0.001
    """Least time in seconds between two writes when envelopes come faster than that; what comes in
    between is written at once. 0 writes as often as possible."""
    send_buffer_bytes: Annotated[int, Field(ge=4096)] | None = None
    """Size of the operating system's buffer for each viewer (SO_SNDBUF); by default its own choice."""

    token: Secret | None = None
    """What a viewer must present, as `Authorization: Bearer …` or `?token=…`."""
    token_file: Path | None = None
    """A file that holds it, in place of `token`."""
    require_token: bool = False
    """Refuse to start without a token to watch; for a profile that is never to be open to everyone."""
    control_token: Secret | None = None
    """What a viewer must present to steer; it may watch too. By default who may watch may steer."""
    control_token_file: Path | None = None
    """A file that holds it, in place of `control_token`."""
    origins: tuple[Origin, ...] = ()
    """Web pages that may open the stream, such as `https://wall.example`, besides those of this machine
    and of this server; `*` for all. Behind a reverse proxy: the origin of the address that viewers open."""
    tls_cert: Path | None = None
    """PEM file with the certificate chain; viewers then connect to wss://. Read anew when it changes."""
    tls_key: Path | None = None
    """PEM file with its key."""

    max_clients: Annotated[int, Field(ge=1)] = 1000
    """Most viewers at once; the next gets HTTP 503."""
    max_clients_per_address: Annotated[int, Field(ge=1)] = 200
    """Most viewers at once from one address; the next gets HTTP 429. Behind a reverse proxy all viewers
    have its address: raise it to `max_clients`."""
    max_handshakes: Annotated[int, Field(ge=1)] = 256
    """Most connections at once that have not been let in yet. For one more, an idle one of the address that
    has most of them gives way."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = 16384
    """Longest request, with its query and headers; a longer one gets HTTP 431. It may have 128 headers."""
    handshake_timeout_s: Seconds = 5.0
    """Seconds that a connection has to be let in."""
    max_message_bytes: Annotated[int, Field(ge=1024)] = 2 * 1024 * 1024
    """Largest message from a viewer; an `image_update` holds up to 2,000,000 characters."""
    max_messages_per_s: Annotated[float, Field(ge=1)] = 100.0
    """Most messages a second from a viewer, twice as many in a burst; more closes it with code 1008. Each
    fragment, ping and pong is one."""
    ping_interval_s: Seconds = 20.0
    """Seconds between the pings that tell whether a quiet viewer is still there."""
    ping_timeout_s: Seconds = 20.0
    """Seconds that a viewer has to answer a ping."""
    close_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Seconds that a viewer has to answer when the server closes the connection."""

    emojis: tuple[str, ...] = (
        "poop",
        "skull",
        "heart",
        "star",
        "rainbow",
        "seb",
        "faye",
        "will",
        "clem",
        "cal",
        "sri",
        "lampe",
        "ditto",
    )
    """What `emoji_update` may name."""

    @model_validator(mode="after")
    def _no_producer_behind_a_client(self) -> Self:
        queue = self.client_queue
        if queue is not None and any(
            lane is not None and lane.overflow == "block" for lane in (queue, queue.frame, queue.peripheral)
        ):
            raise ValueError(
                "client_queue cannot use overflow 'block': it would let one viewer stall the others; "
                "use drop_oldest, drop_newest, latest or error"
            )
        return self

    @model_validator(mode="after")
    def _whole_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or none")
        if self.require_token and self.token is None and self.token_file is None:
            raise ValueError(
                "require_token is set and there is no token: set token in an environment variable, such as "
                "BEATS_SINKS__BROWSER__TOKEN for a sink 'browser', or token_file to a file that holds it; "
                "or, if everyone may watch, require_token = false"
            )
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file are two places for one secret: give one of them")
        if self.control_token is not None and self.control_token_file is not None:
            raise ValueError("control_token and control_token_file are two places for one secret: give one")
        return self

    def resources(self, profile: str) -> Resources:
        """Its port, and the files that the settings name."""
        files = {
            "token_file": self.token_file,
            "control_token_file": self.control_token_file,
            "tls_cert": self.tls_cert,
            "tls_key": self.tls_key,
        }
        is_open = self.token is None and self.token_file is None and is_wildcard(self.host)
        doubt = Doubt("host", "anyone who can reach this machine can watch: set token, token_file or host")
        return Resources(
            ports=(Port("port", self.host, self.port, self.reuse_port),),
            inputs=tuple(Input(key, path) for key, path in files.items() if path is not None),
            doubts=(doubt,) if is_open else (),
            connections=self.max_clients + self.max_handshakes,
        )

    def client_bounds(self) -> "QueueBounds":
        """The bounds of a viewer's queue, with `drop_oldest` in place of `block`."""
        from beats.kit.bounds import queue_bounds

        return queue_bounds(self.client_queue or self.queue).replacing("block", "drop_oldest")
