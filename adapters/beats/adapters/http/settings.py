"""The settings that every sink with a server of ours has."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, ClassVar, Final, Self

from pydantic import AfterValidator, Field, model_validator

from beats.adapters.http.origins import as_origin
from beats.config.settings import HostName, SinkSettings
from beats.kernel.capabilities import Address
from beats.kernel.resources import Doubt, Port, Resources
from beats.kit.addresses import is_loopback, is_wildcard, network_address
from beats.kit.paths import named_files
from beats.kit.process import worker_threads
from beats.kit.secrets import Secret, check_places

METRICS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "variants": "Kinds of pictures (size and format) that are encoded for viewers now.",
        "variant_frames_total": "Frames that were encoded for viewers who want another size or format.",
        "variant_frames_skipped_total": "Frames that were not encoded for them, because no encoder was free.",
        "variant_frames_failed_total": "Frames that could not be encoded for them, such as damaged pictures.",
    }
)

Seconds = Annotated[float, Field(gt=0, le=86400)]
Origin = Annotated[str, AfterValidator(as_origin)]


class ServerSettings(SinkSettings):
    """Where a server listens, who may read from it, and its limits."""

    purpose: ClassVar[str]
    """What anyone who can reach a server without a token can do there."""
    files: ClassVar[tuple[str, ...]] = ("token_file", "tls_cert", "tls_key")
    """The settings that name files."""

    host: HostName = "localhost"
    """Address to listen on; `localhost` is reached from this machine only, `0.0.0.0` from any by IPv4, `::`
    from any by IPv4 and IPv6."""
    port: Annotated[int, Field(ge=0, le=65535)]
    """Port to listen on; 0 takes a free one and reports it."""
    public_host: HostName = "localhost"
    """Name that viewers are told to connect to."""

    token: Secret | None = None
    """What a viewer must present, as `Authorization: Bearer …` or `?token=…`."""
    token_file: Path | None = None
    """A file that holds it, in place of `token`."""
    require_token: bool = False
    """Refuse to start without a token; for a profile that must never be open to everyone."""
    origins: tuple[Origin, ...] = ()
    """Web pages that may read, such as `https://wall.example`, besides those of this machine and of this
    server; `*` for all. Behind a reverse proxy: the origin of the address that viewers open."""
    tls_cert: Path | None = None
    """PEM file with the certificate chain; clients then connect to https:// and wss://. Reloaded when it
    changes."""
    tls_key: Path | None = None
    """PEM file with the certificate's private key."""

    max_clients: Annotated[int, Field(ge=1)] = 1000
    """Most viewers at once; the next gets HTTP 503."""
    max_clients_per_address: Annotated[int, Field(ge=1)] = 200
    """Most viewers at once from one address; the next gets HTTP 429. Behind a reverse proxy all viewers
    have its address: raise it to `max_clients`."""
    stall_timeout_s: Seconds = 10.0
    """Seconds after which a viewer whose socket accepts no byte is cut off."""
    max_handshakes: Annotated[int, Field(ge=1)] = 256
    """Most connections at once whose request has not been accepted or answered yet. To make room for one
    more, an idle one of the address that has the most of them is closed."""
    max_header_bytes: Annotated[int, Field(ge=1024)] = 16384
    """Longest request, with its query and headers; a longer one gets HTTP 431. It may have 128 headers."""
    handshake_timeout_s: Seconds = 5.0
    """Seconds that a connection has to be let in, or to read its answer."""
    close_timeout_s: Annotated[float, Field(gt=0, le=3600)] = 1.0
    """Seconds that a client has to answer when the server closes the connection."""

    transcode_workers: Annotated[int, Field(ge=1, le=256)] | None = None
    """Threads that bring frames into the formats and sizes that viewers ask for; by default one less than
    there are processors, at least 1. They start with the first such viewer."""
    max_variants: Annotated[int, Field(ge=0)] = 8
    """Most formats, sizes and qualities in use at once, besides PNG, JPEG and WebP of full size; a viewer
    that asks for one more gets HTTP 503. Viewers that take frames as they come need none, and single pictures
    are always made."""

    @model_validator(mode="after")
    def _complete_pairs(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or none")
        if self.require_token and self.token is None and self.token_file is None:
            raise ValueError(
                "require_token is set and there is no token: set token in an environment variable, such as "
                "BEATS_SINKS__BROWSER__TOKEN for a sink 'browser', or token_file to a file that holds it; "
                "or, if everyone may watch, require_token = false"
            )
        check_places(self, "token")
        return self

    @property
    def encoder_threads(self) -> int:
        """`transcode_workers`, or its default."""
        return worker_threads(self.transcode_workers)

    def for_others(self, port: int) -> Address | None:
        """Where other machines reach the server that listens on a port; None if only this machine can."""
        given = self.host if is_loopback(self.public_host) else self.public_host
        host = network_address() if is_wildcard(given) else given
        return None if host is None or is_loopback(host) else Address(host, port, self.tls_cert is not None)

    def resources(self, profile: str) -> Resources:
        """The port of the server, and the files that the settings name."""
        what = f"anyone who can reach this machine can {self.purpose}: set token, token_file or host"
        is_open = self.token is None and self.token_file is None and is_wildcard(self.host)
        return Resources(
            ports=(Port("port", self.host, self.port),),
            inputs=named_files(self, *self.files),
            doubts=(Doubt("host", what),) if is_open else (),
            connections=self.max_clients + self.max_handshakes,
        )
