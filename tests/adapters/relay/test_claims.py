"""What whoever connects to a NATS server needs to start."""

from pathlib import Path

from beats.adapters.relay.claims import nats_claims
from beats.adapters.relay.settings import NatsSettings
from beats.kernel.claims import Claims, Input, Package


def test_it_needs_the_package() -> None:
    """It comes with an extra."""
    assert nats_claims(NatsSettings()) == Claims(packages=(Package("type", "nats", "beats[nats]"),))


def test_it_needs_the_files_that_its_settings_name() -> None:
    """Each claim has the key of its setting; credentials need one more package."""
    settings = NatsSettings(
        credentials_file=Path("me.creds"), tls_ca=Path("ca"), tls_cert=Path("cert"), tls_key=Path("key")
    )
    claims = nats_claims(settings)
    assert claims.inputs == (
        Input("credentials_file", Path("me.creds")),
        Input("tls_ca", Path("ca")),
        Input("tls_cert", Path("cert")),
        Input("tls_key", Path("key")),
    )
    assert Package("credentials_file", "nkeys", "nkeys") in claims.packages
