"""The files of encryption: what they are used for, and what is said of bad ones."""

import re
import ssl
from pathlib import Path

import pytest

from beats.kit.certificates import client_context
from tests.adapters.http.test_tls import make_certificate


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with certificates of two authorities, and their keys."""
    for name in ("one", "other"):
        make_certificate(tmp_path, name)
    for kind in ("CERTIFICATE", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"):
        name = {"CERTIFICATE": "cut.pem", "PRIVATE KEY": "cut.key"}.get(kind, "locked.key")
        (tmp_path / name).write_text(f"-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    return tmp_path


def test_servers_must_present_a_certificate(files: Path) -> None:
    """Of their name, from a trusted authority: the given one, or those of the operating system."""
    ours = client_context(files / "one.pem", files / "one.pem", files / "one.key")
    for context in (client_context(None, None, None), ours):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    assert len(ours.get_ca_certs()) == 1


@pytest.mark.parametrize(
    ("ca", "cert", "key", "why"),
    [
        ("gone", None, None, "tls_ca '.*gone': No such file"),
        ("one.key", None, None, "tls_ca '.*one.key' holds no certificate"),
        (None, "gone", "one.key", "tls_cert '.*gone': No such file"),
        (None, "one.pem", "other.key", "tls_key '.*other.key' is not the key .* tls_cert '.*one.pem'"),
        (None, "one.key", "one.key", "tls_cert '.*one.key' holds no certificate"),
        (None, "one.pem", "one.pem", "tls_key '.*one.pem' holds no private key"),
        (None, "cut.pem", "one.key", "tls_cert '.*cut.pem': its certificate is damaged"),
        (None, "one.pem", "cut.key", "tls_key '.*cut.key': its private key is damaged"),
        (None, "one.pem", "locked.key", "tls_key '.*locked.key' is encrypted with a password"),
    ],
)
def test_bad_files_are_named(
    files: Path, ca: str | None, cert: str | None, key: str | None, why: str
) -> None:
    """With their settings."""
    paths = [None if name is None else files / name for name in (ca, cert, key)]
    with pytest.raises(OSError, match=re.compile(why)):
        client_context(*paths)


def test_a_certificate_with_the_older_mark_is_used(files: Path) -> None:
    """OpenSSL reads `X509 CERTIFICATE` as well, as some programs still write."""
    old = files / "old.pem"
    old.write_text((files / "one.pem").read_text().replace(" CERTIFICATE-----", " X509 CERTIFICATE-----"))
    client_context(None, old, files / "one.key")
