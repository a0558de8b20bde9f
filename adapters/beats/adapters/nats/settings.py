"""The settings of sinks and sources that connect to a NATS server, or to another Beats."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_serializer, model_validator

from beats.adapters.nats.messages import PREFIX, STREAM
from beats.adapters.nats.servers import masked, server
from beats.config.settings import Settings
from beats.kernel.resources import Resources, Server
from beats.kit.connecting import ConnectingSettings, Seconds
from beats.kit.extras import package
from beats.kit.paths import named_files
from beats.kit.secrets import Secret, check_places


def _checked(url: str) -> str:
    server(url)
    return url


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
    """PEM file with the private key of the certificate."""

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


class NatsSettings(ConnectingSettings, _ServerSettings):
    """Settings of every connection to a NATS server."""

    def resources(self, profile: str) -> Resources:
        """The files that the settings name, and the packages; the server may start later."""
        keys = ("password_file", "token_file", "credentials_file", "tls_ca", "tls_cert", "tls_key")
        packages = [package("type", "nats")]
        if self.credentials_file is not None:
            packages.append(package("credentials_file", "nkeys"))
        places = (server(url) for url in self.servers)
        return Resources(
            inputs=named_files(self, *keys),
            packages=tuple(packages),
            servers=tuple(Server("servers", place.host, place.port) for place in places),
        )
