"""The settings of what connects to a NATS server, or to another Beats."""

from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, SecretStr, field_serializer, model_validator

from beats.adapters.nats.servers import masked, server
from beats.adapters.nats.subjects import PREFIX, STREAM
from beats.config.settings import LaneSettings, QueueSettings, Settings
from beats.kernel.resources import Input, Package, Resources

Seconds = Annotated[float, Field(ge=0.01, le=3600)]
Secret = Annotated[SecretStr, Field(min_length=1)]


def _checked(url: str) -> str:
    server(url)
    return url


class FreshQueueSettings(QueueSettings):
    """A queue that prefers fresh to complete."""

    size: Annotated[int, Field(ge=1)] = 1024
    """Largest number of waiting envelopes."""
    frame: LaneSettings | None = LaneSettings(size=8)
    """A lane of their own for frames, so that pictures never crowd out state; 8 are 0.13 s at 60 a second."""


class InboxSettings(FreshQueueSettings):
    """The queue between the network and the bus, which a sink with `block`, or a busy processor, holds up."""

    @model_validator(mode="after")
    def _nobody_to_tell(self) -> Self:
        lanes = (self, self.frame, self.peripheral)
        if any(lane is not None and lane.overflow in ("block", "error") for lane in lanes):
            raise ValueError(
                "the other machine cannot be made to wait, or be told: use drop_oldest, drop_newest or latest"
            )
        return self


class _ServerSettings(Settings):
    """Which NATS servers, and who we are to them."""

    servers: Annotated[tuple[Annotated[str, AfterValidator(_checked)], ...], Field(min_length=1)] = (
        "nats://127.0.0.1:4222",
    )
    """Addresses of NATS servers, nats://HOST:PORT or tls://HOST:PORT; of a cluster one is enough, and more
    help when that one is away."""
    prefix: Annotated[str, Field(pattern=f"^{PREFIX.pattern}$", max_length=200)] = "beats"
    """First tokens of all subjects."""
    stream: Annotated[str, Field(pattern=f"^{STREAM.pattern}$", max_length=200)] = "main"
    """Name of the stream, the next token: origins that share servers each have their own."""
    user: Annotated[str, Field(min_length=1)] | None = None
    """User that the server knows."""
    password: Secret | None = None
    """The user's password."""
    password_file: Path | None = None
    """A file that holds it, in place of `password`."""
    token: Secret | None = None
    """Token that the server knows, in place of a user."""
    token_file: Path | None = None
    """A file that holds it, in place of `token`."""
    credentials_file: Path | None = None
    """A `.creds` file with a user's JWT and seed, in place of a user; needs the package nkeys."""
    tls_cert: Path | None = None
    """PEM file with a certificate of our own, for servers that ask for one."""
    tls_key: Path | None = None
    """PEM file with its key."""

    connect_timeout_s: Seconds = 2.0
    """Seconds that a server has to answer when a connection is made."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or none")
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file are two places for one secret: give one of them")
        if self.token is not None and self.token_file is not None:
            raise ValueError("token and token_file are two places for one secret: give one of them")
        has_password = self.password is not None or self.password_file is not None
        if (self.user is not None) != has_password:
            raise ValueError("user and password (or password_file) go together: give both or none")
        has_token = self.token is not None or self.token_file is not None
        if sum((has_password, has_token, self.credentials_file is not None)) > 1:
            raise ValueError("user, token and credentials_file are three ways to say who we are: give one")
        return self

    @field_serializer("servers")
    def _without_passwords(self, servers: tuple[str, ...]) -> Any:
        return [masked(url) for url in servers]


class ConnectingSettings(Settings):
    """What all that connect have."""

    tls_ca: Path | None = None
    """PEM file of the certificates to trust; by default those of the operating system."""
    reconnect_max_s: Seconds = 1.0
    """Longest pause in seconds between attempts to connect; it begins with 0.05 s and doubles, and is never
    the same for two who wait."""
    silence_timeout_s: Seconds = 3.0
    """Seconds without an answer after which a connection is given up and made anew; a link that was cut says
    nothing by itself."""


class NatsSettings(ConnectingSettings, _ServerSettings):
    """What all that connect to a NATS server have; settings are listed from the last class to the first."""

    def resources(self, profile: str) -> Resources:
        """The files that the settings name, and the packages; the server may start later."""
        files = {
            "password_file": self.password_file,
            "token_file": self.token_file,
            "credentials_file": self.credentials_file,
            "tls_ca": self.tls_ca,
            "tls_cert": self.tls_cert,
            "tls_key": self.tls_key,
        }
        packages = [Package("type", "nats", "beats[nats]")]
        if self.credentials_file is not None:
            packages.append(Package("credentials_file", "nkeys", "nkeys"))
        return Resources(
            inputs=tuple(Input(key, path) for key, path in files.items() if path is not None),
            packages=tuple(packages),
        )
