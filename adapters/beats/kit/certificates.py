"""Reads a certificate and its key, and says which file is at fault, and why."""

import ssl
from pathlib import Path
from typing import Final

_CERTIFICATE: Final = b"-----BEGIN CERTIFICATE-----"
_KEY: Final = b"PRIVATE KEY-----"
_ENCRYPTED: Final = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Load the files of the settings `tls_cert` and `tls_key` into a context.

    Raises:
        OSError: one cannot be read or used; names it, and says what is wrong with it.
    """
    if (why := _why_not(cert, key)) is not None:  # first: OpenSSL would ask the terminal for a password
        raise why
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise OSError(_explained(cert, key, error)) from error


def _why_not(cert: Path, key: Path) -> OSError | None:
    for setting, path, mark, what in (
        ("tls_cert", cert, _CERTIFICATE, "certificate"),
        ("tls_key", key, _KEY, "private key"),
    ):
        try:
            text = path.read_bytes()
        except OSError as error:
            return OSError(error.errno, f"{setting} {str(path)!r}: {error.strerror}")
        if mark not in text:
            why = f"{setting} {str(path)!r} holds no {what}: give a PEM file that does"
            return ssl.SSLError(ssl.SSL_ERROR_SSL, why)
        if setting == "tls_key" and any(each in text for each in _ENCRYPTED):
            why = f"tls_key {str(path)!r} is encrypted with a password: give a key without one"
            return ssl.SSLError(ssl.SSL_ERROR_SSL, why)
    return None


def _explained(cert: Path, key: Path, error: ssl.SSLError) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return (
            f"tls_key {str(key)!r} is not the key of the first certificate in tls_cert {str(cert)!r}: "
            "give the two files that were made together"
        )
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_verify_locations(cert)
    except ssl.SSLError as worse:
        return f"tls_cert {str(cert)!r}: its certificate is damaged ({worse.reason or 'unreadable'})"
    return f"tls_key {str(key)!r}: its private key is damaged ({error.reason or 'unreadable'})"
