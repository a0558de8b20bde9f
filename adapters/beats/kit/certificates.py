"""Reads certificates and keys, and says which file is at fault, and why."""

import ssl
from pathlib import Path
from typing import Final

_CERTIFICATE: Final = b" CERTIFICATE-----"
"""Also ends the older marks `BEGIN X509 CERTIFICATE` and `BEGIN TRUSTED CERTIFICATE`, which OpenSSL reads."""
_KEY: Final = b"PRIVATE KEY-----"
_ENCRYPTED: Final = (b"BEGIN ENCRYPTED PRIVATE KEY", b"Proc-Type: 4,ENCRYPTED")


def client_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """How to check a server's certificate, and which one to present.

    Args:
        ca: the certificates to trust; those of the operating system when None.
        cert: our own, when the server asks for one.
        key: its key.

    Raises:
        OSError: a file cannot be read, or holds something else; says which setting.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except ssl.SSLError as error:
        raise OSError(_lacking("tls_ca", ca, "certificate")) from error
    except OSError as error:
        raise _unreadable("tls_ca", ca, error) from error
    if cert is not None and key is not None:
        load_pair(context, cert, key)
    return context


def load_pair(context: ssl.SSLContext, cert: Path, key: Path) -> None:
    """Load the files of the settings `tls_cert` and `tls_key` into a context.

    Raises:
        OSError: one cannot be read or used; names it, and says what is wrong with it.
    """
    # First: OpenSSL would ask the terminal for a password.
    for setting, path, mark, what in (
        ("tls_cert", cert, _CERTIFICATE, "certificate"),
        ("tls_key", key, _KEY, "private key"),
    ):
        try:
            text = path.read_bytes()
        except OSError as error:
            raise _unreadable(setting, path, error) from None
        if mark not in text:
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, _lacking(setting, path, what))
        if setting == "tls_key" and any(each in text for each in _ENCRYPTED):
            why = f"tls_key {str(path)!r} is encrypted with a password: give a key without one"
            raise ssl.SSLError(ssl.SSL_ERROR_SSL, why)
    try:
        context.load_cert_chain(cert, key)
    except ssl.SSLError as error:
        raise OSError(_explained(cert, key, error)) from error


def _unreadable(setting: str, path: Path | None, error: OSError) -> OSError:
    return OSError(error.errno, f"{setting} {str(path)!r}: {error.strerror}")


def _lacking(setting: str, path: Path | None, what: str) -> str:
    return f"{setting} {str(path)!r} holds no {what}: give a PEM file that does"


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
