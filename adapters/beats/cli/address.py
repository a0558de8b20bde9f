"""The address of a running Beats: parses what a person writes, and builds the requests of clients."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, NamedTuple
from urllib.parse import SplitResult, parse_qsl, quote, urlencode, urlsplit

import typer

from beats.config.checks.texts import stray_characters
from beats.kernel.capabilities import authority

if TYPE_CHECKING:  # loaded only for encrypted connections
    from ssl import SSLContext

_PORT: Final = 8765
_SCHEMES: Final = {
    "": (False, _PORT),
    "ws": (False, 80),
    "http": (False, 80),
    "wss": (True, 443),
    "https": (True, 443),
}
"""Whether it is encrypted, and the port where none is given: RFC 6455, section 3; RFC 9110, section 4.2."""
_STATS: Final = "/api/stats"
WANTED: Final = "give an address such as ws://localhost:8765, https://wall.example or wall.local:8765"

AddressArgument = Annotated[
    str | None,
    typer.Argument(
        metavar="[URL]",
        help="Address of the server: ws://, wss://, http://, https:// or HOST:PORT; by default this machine.",
        show_default=False,
    ),
]
TokenOption = Annotated[
    str | None, typer.Option("--token", help="The token for viewers; BEATS_TOKEN.", show_default=False)
]
CaOption = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        metavar="FILE",
        help="PEM file with the certificate authority to trust for wss://.",
        show_default=False,
    ),
]


class ServerAddress(NamedTuple):
    """A server, and what to present to it."""

    host: str
    """The host as a request names it: in ASCII, an IPv6 address without brackets."""
    port: int
    encrypted: bool = False
    path: str = ""
    """The path under which a reverse proxy serves it; without a slash at the end."""
    query: tuple[tuple[str, str], ...] = ()
    """The query of the address: the wanted part of the stream."""
    token: str | None = None

    @property
    def authority(self) -> str:
        """Host and port, as in a URL."""
        return authority(self.host, self.port)

    @property
    def stats_target(self) -> str:
        """The request target for the counters."""
        return self.path + _STATS + _encoded(self._token_query())

    def stream_url(self, query: Mapping[str, str]) -> str:
        """The URL of the stream; `query` overrides the query of the address."""
        scheme = "wss" if self.encrypted else "ws"
        asked = {**dict(self.query), **query, **self._token_query()}
        return f"{scheme}://{self.authority}{self.path}/{_encoded(asked)}"

    def headers(self) -> dict[str, str]:
        """The headers that carry the token."""
        if self.token is None or self._token_query():
            return {}
        return {"Authorization": f"Bearer {self.token}"}

    def _token_query(self) -> dict[str, str]:
        """The token as a query, if a header cannot carry it (RFC 9110, section 5.5)."""
        token = self.token or ""
        is_plain = token.isascii() and token.isprintable() and token == token.strip()
        return {} if is_plain else {"token": token}


def find(text: str | None, token: str | None, environ: Mapping[str, str] = os.environ) -> ServerAddress:
    """The address of a server.

    Args:
        text: as a person wrote it; None for Beats on this machine, with host and port from the variables.
        token: from the command line; else the one in the address, else the variable.
        environ: the environment variables.

    Raises:
        ValueError: it is not an address; says what is.
    """
    if text is None:
        host = environ.get("BEATS_WEBSOCKET_HOST", "").strip() or "localhost"
        given = environ.get("BEATS_WEBSOCKET_PORT") or str(_PORT)
        text = f"[{host}]:{given}" if ":" in host else f"{host}:{given}"
    address = parse(text)
    return address._replace(token=token or address.token or environ.get("BEATS_TOKEN") or None)


def token_warning(address: ServerAddress, environ: Mapping[str, str] = os.environ) -> str | None:
    """A warning about the token from the environment, if that is the one in use."""
    given = environ.get("BEATS_TOKEN")
    what = stray_characters(given) if given is not None and given == address.token else None
    return None if what is None else f"BEATS_TOKEN: the value {what}"


def parse(text: str) -> ServerAddress:
    """Parse an address.

    Raises:
        ValueError: it is not an address; says what is.
    """
    scheme, separator, rest = text.strip().partition("://")
    if not separator:
        scheme, rest = "", scheme
    known = _SCHEMES.get(scheme.lower()) if scheme or not separator else None
    parts = _split(rest)
    host = _host(parts.hostname or "") if parts is not None else ""
    if known is None or parts is None or not host or "@" in parts.netloc or not rest.isprintable():
        raise ValueError(f"{text!r:.200} is not an address of a Beats server: {WANTED}")
    encrypted, default_port = known
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    token = query.pop("token", None) or None
    path = quote(parts.path, safe="/%!$&'()*+,;=:@~").removesuffix(_STATS).rstrip("/")
    return ServerAddress(host, parts.port or default_port, encrypted, path, tuple(query.items()), token)


def tls(address: ServerAddress, ca: Path | None) -> "SSLContext | None":
    """The TLS context that checks the server's certificate; None for an unencrypted address.

    Raises:
        ValueError: `ca` cannot be used; says why.
    """
    if not address.encrypted:
        if ca is not None:
            raise ValueError("--ca is for wss:// and https://: this address is not encrypted")
        return None
    import ssl  # see above

    try:
        return ssl.create_default_context(cafile=ca)
    except OSError as error:
        why = "holds no certificate" if isinstance(error, ssl.SSLError) else error.strerror
        raise ValueError(f"--ca {ca}: {why}; give a PEM file") from None


def _split(text: str) -> SplitResult | None:
    """The parts of an address after its scheme; None for an invalid one."""
    with suppress(ValueError):
        parts = urlsplit(f"//{text}")
        if parts.port != 0:
            return parts
    return None


def _host(name: str) -> str:
    """A host name in the form in which it is looked up; empty for an invalid one.

    ASCII names are encoded too, since an empty or too long label fails in the look-up.
    """
    try:
        return "" if " " in name else name.encode("idna").decode()
    except UnicodeError:
        return ""


def _encoded(query: Mapping[str, str]) -> str:
    # Bytes of an argument or variable that are not text are sent unchanged.
    return f"?{urlencode(query, errors='surrogateescape')}" if query else ""
