"""Encryption on the side that connects."""

import ssl
from pathlib import Path


def client_context(ca: Path | None, cert: Path | None, key: Path | None) -> ssl.SSLContext:
    """What a server's certificate is held against, and what is shown to it.

    Args:
        ca: the certificates to trust; those of the operating system when None.
        cert: our own, when the server asks for one.
        key: its key.

    Raises:
        OSError: a file cannot be read, or holds something else; says which setting.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise _unusable(f"tls_ca {str(ca)!r}", "PEM file of certificates", error) from error
    if cert is not None and key is not None:
        try:
            context.load_cert_chain(cert, key)
        except OSError as error:
            files = f"tls_cert {str(cert)!r} and tls_key {str(key)!r}"
            raise _unusable(files, "matching pair of PEM files", error) from error
    return context


def _unusable(files: str, what: str, error: OSError) -> OSError:
    if isinstance(error, ssl.SSLError):
        return OSError(f"{files}: no {what} ({error.reason or 'unreadable'})")
    return OSError(error.errno, f"{files}: {error.strerror}")
