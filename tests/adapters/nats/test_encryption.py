"""Encryption on the side that connects."""

import re
import ssl
from pathlib import Path

import pytest
import trustme

from beats.adapters.nats.encryption import client_context


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with an authority, and a certificate with its key."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    ours = authority.issue_cert("edge")
    ours.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    ours.private_key_pem.write_to_path(tmp_path / "key.pem")
    trustme.CA().issue_cert("other").private_key_pem.write_to_path(tmp_path / "other.pem")
    return tmp_path


def test_servers_must_prove_who_they_are(files: Path) -> None:
    """With a certificate of their name, whoever is trusted."""
    for context in (client_context(None, None, None), client_context(files / "ca.pem", None, None)):
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname


def test_only_those_named_are_trusted(files: Path) -> None:
    """Not those of the operating system besides."""
    assert len(client_context(files / "ca.pem", None, None).get_ca_certs()) == 1


def test_a_certificate_of_our_own_is_read(files: Path) -> None:
    """With its key."""
    client_context(files / "ca.pem", files / "cert.pem", files / "key.pem")


@pytest.mark.parametrize(
    ("ca", "cert", "key", "why"),
    [
        ("gone", None, None, "tls_ca '.*gone': No such file"),
        ("key.pem", None, None, "tls_ca '.*key.pem': no PEM file of certificates"),
        (None, "gone", "key.pem", "tls_cert '.*gone' and tls_key '.*key.pem': No such file"),
        (None, "cert.pem", "other.pem", "tls_cert .*: no matching pair of PEM files"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    files: Path, ca: str | None, cert: str | None, key: str | None, why: str
) -> None:
    """With their settings."""
    paths = [None if name is None else files / name for name in (ca, cert, key)]
    with pytest.raises(OSError, match=re.compile(why)):
        client_context(*paths)
