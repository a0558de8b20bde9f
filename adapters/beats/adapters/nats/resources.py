"""What whoever connects to a NATS server needs to start."""

from beats.adapters.nats.settings import NatsSettings
from beats.kernel.resources import Input, Package, Resources


def nats_resources(settings: NatsSettings) -> Resources:
    """The files that the settings name, and the packages."""
    files = {
        "password_file": settings.password_file,
        "token_file": settings.token_file,
        "credentials_file": settings.credentials_file,
        "tls_ca": settings.tls_ca,
        "tls_cert": settings.tls_cert,
        "tls_key": settings.tls_key,
    }
    packages = [Package("type", "nats", "beats[nats]")]
    if settings.credentials_file is not None:
        packages.append(Package("credentials_file", "nkeys", "nkeys"))
    return Resources(
        inputs=tuple(Input(key, path) for key, path in files.items() if path is not None),
        packages=tuple(packages),
    )
