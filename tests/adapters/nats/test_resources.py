"""What whoever connects to a NATS server needs to start."""

from pathlib import Path

from beats.adapters.nats.resources import nats_resources
from beats.adapters.nats.settings import NatsSettings
from beats.kernel.resources import Input, Package, Resources


def test_it_needs_the_package() -> None:
    """It comes with an extra."""
    assert nats_resources(NatsSettings()) == Resources(packages=(Package("type", "nats", "beats[nats]"),))


def test_it_needs_the_files_that_its_settings_name() -> None:
    """Each claim has the key of its setting; credentials need one more package."""
    settings = NatsSettings(
        credentials_file=Path("me.creds"), tls_ca=Path("ca"), tls_cert=Path("cert"), tls_key=Path("key")
    )
    resources = nats_resources(settings)
    assert resources.inputs == (
        Input("credentials_file", Path("me.creds")),
        Input("tls_ca", Path("ca")),
        Input("tls_cert", Path("cert")),
        Input("tls_key", Path("key")),
    )
    assert Package("credentials_file", "nkeys", "nkeys") in resources.packages
