"""Encryption, with certificates that are read anew when their files change."""

import logging
import ssl
from pathlib import Path

import anyio

log = logging.getLogger(__name__)


class Certificate:
    """A certificate and its key, in files that something else renews."""

    def __init__(self, cert: Path, key: Path) -> None:
        """Name the files; nothing is read yet."""
        self._cert = cert
        self._key = key
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._seen: tuple[object, ...] = ()

    def load(self) -> ssl.SSLContext:
        """Read the files.

        Raises:
            OSError: a file cannot be read, or is no certificate or key; says which files.
        """
        seen = self._state()
        try:
            # Into a context that may fail first: a failure half-way must not spoil the one in use.
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(self._cert, self._key)
        except ssl.SSLError as error:
            raise OSError(
                f"tls_cert {str(self._cert)!r} and tls_key {str(self._key)!r} are no matching PEM files: "
                f"{error.reason}"
            ) from error
        except OSError as error:
            raise OSError(
                error.errno, f"tls_cert {str(self._cert)!r} or tls_key {str(self._key)!r}: {error.strerror}"
            ) from error
        self._context.load_cert_chain(self._cert, self._key)
        self._seen = seen
        return self._context

    def refresh(self) -> bool:
        """Read the files if they have changed; whether they had.

        Bad ones are reported, and what was read before goes on.
        """
        seen = self._state()
        if seen == self._seen:
            return False
        try:
            self.load()
        except OSError as error:
            self._seen = seen
            log.error("the certificate in use goes on, the new one cannot be read: %s", error)  # noqa: TRY400
            return False
        log.info("certificate %s read anew", self._cert)
        return True

    async def watch(self, interval_s: float) -> None:
        """Look at the files again and again; new connections get what they hold then."""
        while True:
            await anyio.sleep(interval_s)
            self.refresh()

    def _state(self) -> tuple[object, ...]:
        state: list[object] = []
        for path in (self._cert, self._key):
            try:
                about = path.stat()
            except OSError:
                state.append(None)
            else:
                state.append((about.st_mtime_ns, about.st_size, about.st_ino))
        return tuple(state)
