"""The settings of sinks and sources that connect to a NATS server, or to another Beats."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_serializer, model_validator

from beats.adapters.nats.messages import PREFIX, STREAM
from beats.adapters.nats.servers import masked, server
from beats.config.settings import LaneSettings, QueueSettings, Settings
from beats.kernel.resources import Package, Resources
from beats.kit.bounds import queue_bounds
from beats.kit.paths import named_files
from beats.kit.secrets import Secret, check_places

Seconds = Annotated[float, Field(ge=0.01, le=3600)]


def _checked(url: str) -> str:
    server(url)
    return url


class FreshQueueSettings(QueueSettings):
    """A queue that keeps fresh frames rather than all frames."""

    size: Annotated[int, Field(ge=1)] = 1024
    """Largest number of waiting envelopes."""
    frame: LaneSettings | None = LaneSettings(size=8)
    """A lane of their own for frames, so that pictures never crowd out state; 8 are 0.13 s at 60 a second."""


class InboxSettings(FreshQueueSettings):
    """The queue between the network and the bus, which a sink with `block`, or a busy processor, delays."""

    @model_validator(mode="after")
    def _no_back_pressure(self) -> Self:
        if any(strategy.tells_producer for strategy in queue_bounds(self).strategies()):
            raise ValueError(
                "the other machine can neither be slowed down nor told: use drop_oldest, drop_newest or "
                "latest"
            )
        return self


class _ServerSettings(Settings):
    """The NATS servers, and how to log in."""

    servers: Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], Field(min_length=1)] = (
        "nats://127.0.0.1:4222",
    )
    """Addresses of NATS servers, nats://HOST:PORT or tls://HOST:PORT; one of a cluster is enough; more
    help when that one is down."""
    prefix: Annotated[str, Field(pattern=f"^{PREFIX.pattern}$", max_length=200)] = "beats"
    """First tokens of all subjects."""
    stream: Annotated[str, Field(pattern=f"^{STREAM.pattern}$", max_length=200)] = "main"
    """Name of the stream, the next token; each origin on shared servers needs its own."""
    user: Annotated[str, Field(min_length=1)] | None = None
    """User name on the server."""
    password: Secret | None = None
    """The user's password."""
    password_file: Path | None = None
    """A file that holds it, in place of `password`."""
    token: Secret | None = None
    """Token of the server, in place of a user."""
    token_file: Path | None = None
    """A file that holds it, in place of `token`."""
    credentials_file: Path | None = None
    """A `.creds` file with a user's JWT and seed, in place of a user; needs the package nkeys."""
    tls_cert: Path | None = None
    """PEM file with a client certificate, for servers that ask for one."""
    tls_key: Path | None = None
    """PEM file with its key."""

    connect_timeout_s: Seconds = 2.0
    """Seconds that a server has to accept a connection."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or none")
        check_places(self, "password", "token")
        has_password = self.password is not None or self.password_file is not None
        if (self.user is not None) != has_password:
            raise ValueError("user and password (or password_file) go together: give both or none")
        has_token = self.token is not None or self.token_file is not None
        if sum((has_password, has_token, self.credentials_file is not None)) > 1:
            raise ValueError("user, token and credentials_file are three ways to log in: give one")
        return self

    @field_serializer("servers")
    def _without_passwords(self, servers: tuple[str, ...]) -> Any:
        return [masked(url) for url in servers]


class ConnectingSettings(Settings):
    """Settings of every outgoing connection."""

    tls_ca: Path | None = None
    """PEM file of the certificates to trust; by default those of the operating system."""
    reconnect_max_s: Seconds = 1.0
    """Longest pause in seconds between attempts to connect. Pauses begin at 0.05 s, double, and are partly
    random."""
    silence_timeout_s: Seconds = 3.0
    """Seconds without an answer after which a connection is closed and opened again; nothing else reveals a
    link that was cut."""


class NatsSettings(ConnectingSettings, _ServerSettings):
    """Settings of every connection to a NATS server."""

    def resources(self, profile: str) -> Resources:
        """The files that the settings name, and the packages; the server may start later."""
        keys = ("password_file", "token_file", "credentials_file", "tls_ca", "tls_cert", "tls_key")
        packages = [Package("type", "nats", "beats[nats]")]
        if self.credentials_file is not None:
            packages.append(Package("credentials_file", "nkeys", "nkeys"))
        return Resources(inputs=named_files(self, *keys), packages=tuple(packages))
