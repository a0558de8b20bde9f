"""The settings of sinks and sources that connect to an MQTT broker."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from beats.adapters.mqtt.topics import PREFIX
from beats.config.settings import HostName, Settings
from beats.kernel.resources import Resources, Server
from beats.kit.connecting import Seconds
from beats.kit.extras import package
from beats.kit.paths import named_files
from beats.kit.secrets import Secret, check_places


def _checked_prefix(prefix: str) -> str:
    if not PREFIX.fullmatch(prefix):
        raise ValueError(
            "must be levels such as hall/wall, with slashes between them, of the letters A to Z and a to z, "
            "digits, and . _ ~ -"
        )
    return prefix


Prefix = Annotated[
    str,
    Field(max_length=200),
    AfterValidator(_checked_prefix),
    WithJsonSchema({"type": "string", "pattern": f"^{PREFIX.pattern}$", "maxLength": 200}),
]
"""The first levels of topics."""


class MqttSettings(Settings):
    """The broker, and how to log in."""

    host: HostName = "127.0.0.1"
    """Name or address of the broker."""
    port: Annotated[int, Field(ge=1, le=65535)] = 1883
    """TCP port of the broker; with TLS usually 8883."""
    qos: Annotated[int, Field(ge=0, le=2)] = 0
    """Quality of service: 0 sends once, 1 and 2 have the broker confirm each message."""
    client_id: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    """Client id; unique on the broker, which closes the older of two connections with one id. By default a
    new one for each connection."""
    user: Annotated[str, Field(min_length=1)] | None = None
    """User name on the broker."""
    password: Secret | None = None
    """The user's password."""
    password_file: Path | None = None
    """A file that holds it, in place of `password`."""
    tls: bool = False
    """Encrypt the connection; `tls_ca` and `tls_cert` imply it."""
    tls_ca: Path | None = None
    """PEM file of the certificates to trust; by default those of the operating system."""
    tls_cert: Path | None = None
    """PEM file with a client certificate, for brokers that ask for one."""
    tls_key: Path | None = None
    """PEM file with the private key of the certificate."""
    connect_timeout_s: Seconds = 3.0
    """Seconds that the broker has to accept a connection."""
    reconnect_max_s: Seconds = 5.0
    """Longest pause in seconds between attempts to connect. Pauses begin at 0.05 s, double, and are partly
    random."""
    keepalive_s: Annotated[int, Field(ge=1, le=3600)] = 10
    """MQTT keepalive in seconds: within twice this time each side notices that the other is gone."""

    @model_validator(mode="after")
    def _one_identity(self) -> Self:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key go together: give both or none")
        check_places(self, "password")
        if self.user is None and (self.password is not None or self.password_file is not None):
            raise ValueError("a password needs a user: MQTT 3.1.1 has no password without one")
        return self

    @property
    def is_encrypted(self) -> bool:
        """Whether the connection is encrypted."""
        return self.tls or self.tls_ca is not None or self.tls_cert is not None

    def resources(self, profile: str) -> Resources:
        """The files that the settings name, the package, and the broker, which may start later."""
        return Resources(
            inputs=named_files(self, "password_file", "tls_ca", "tls_cert", "tls_key"),
            packages=(package("type", "aiomqtt"),),
            servers=(Server("host", self.host, self.port),),
        )
