"""Which web pages may read from this server, by their origin and by the host that they ask for.

A refusal names the setting that would allow the request, in its answer and once per name in the log. Behind a
reverse proxy, legitimate pages come from an origin, and ask for a host, that this server cannot know by
itself.
"""

import ipaddress
import json
import logging
import re
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from beats.adapters.http.access import Denied
from beats.kit.addresses import is_loopback

if TYPE_CHECKING:
    from beats.adapters.http.settings import ServerSettings

log = logging.getLogger(__name__)

_ANCESTOR: Final = re.compile(r"https?://([\w.-]+|\[[0-9a-fA-F:.]+\])(:\d+)?", re.ASCII)
"""Nothing in it ends a source of a policy (CSP level 3, section 2.3.1)."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
MOST_WARNINGS: Final = 32
"""Most refused names that are logged at WARNING: clients choose the names, and so how many there could be."""
_INCOMPLETE: Final = Denied(
    HTTPStatus.UPGRADE_REQUIRED,
    "This WebSocket handshake is incomplete: HTTP/1.1, `Connection: Upgrade` and `Upgrade: websocket` must "
    "all arrive. A proxy in front of this server must be configured to forward WebSocket upgrades.",
    {"Upgrade": "websocket"},
)


def as_origin(text: str) -> str:
    """An origin as browsers send it: RFC 6454, section 6.2; `*` and `null` as they are.

    Raises:
        ValueError: it is not an origin; says what is expected.
    """
    text = text.strip()
    if text in ("*", "null"):
        return text
    if "://" not in text:
        raise ValueError(f"an origin begins with its scheme: https://{text or 'wall.example'}")
    try:
        parts = urlsplit(text)
        host, port = _ascii_host(parts.hostname or ""), parts.port
    except ValueError:
        host, port, parts = "", None, urlsplit("")
    if (not host and parts.scheme != "file") or " " in host:
        raise ValueError("is not an origin, such as https://wall.example")
    if "*" in host:
        raise ValueError("an origin has no patterns: list each, or '*' for all")
    at = "" if port in (None, DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{at}"
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"an origin ends with its host or port: {origin}")
    return origin


def as_ancestor(text: str) -> str:
    """The origin of a page that may embed this server's, as a Content Security Policy takes it; `*` for any.

    Raises:
        ValueError: it is not such an origin; says what is expected.
    """
    origin = as_origin(text)
    if origin != "*" and not _ANCESTOR.fullmatch(origin):
        raise ValueError(
            "is not an origin of web pages, such as https://home.example:8123; '*' stands for any"
        )
    return origin


def origin_allowed(origin: str, own_hosts: Collection[str], own_port: int, allowed: Collection[str]) -> bool:
    """Whether a web page of this origin may read from the server.

    Without this check, a page anywhere could have a visitor's browser connect to `ws://localhost`. The
    server's own origin is decided by its names and addresses, never by the `Host` header: a page whose name
    was bound to this machine's address (DNS rebinding) would send its own name there.

    Args:
        origin: the `Origin` header.
        own_hosts: names and addresses of the server itself.
        own_port: the port that it listens on.
        allowed: further origins, as `as_origin` makes them; `*` allows all.
    """
    if "*" in allowed:
        return True
    try:
        if as_origin(origin) in allowed:
            return True
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if host is None or parts.scheme not in DEFAULT_PORTS:
        return False
    return is_loopback(host) or (port == own_port and host in {own.lower() for own in own_hosts})


def host_known(header: str, own_hosts: Collection[str], allowed: Collection[str]) -> bool:
    """Whether a request's `Host` names this server, or one of the pages that may read from it.

    A request for any other name may come from a page whose owner bound that name to this machine's address
    (DNS rebinding), to read through a visitor's browser. An address cannot be bound in this way.

    Args:
        header: the `Host` header; empty when there is none.
        own_hosts: names and addresses of the server itself.
        allowed: origins, such as `https://wall.example`; `*` allows all.
    """
    try:
        host = urlsplit(f"//{header}").hostname
        others = {urlsplit(item).hostname for item in allowed}
    except ValueError:
        return False
    if host is None:
        return False
    return (
        "*" in allowed
        or is_loopback(host)
        or host in {own.lower() for own in own_hosts}
        or host in others
        or _address(host) is not None
    )


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _ascii_host(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


class OriginPolicy:
    """Refuses foreign pages by the settings of one sink."""

    def __init__(self, sink: str, settings: "ServerSettings") -> None:
        self._sink: Final = sink
        self._settings = settings
        self._warned: Final[set[str]] = set()

    def adjust(self, settings: "ServerSettings") -> None:
        """Decide by other settings from now on, and log each refused name once more."""
        self._settings = settings
        self._warned.clear()

    def foreign(self, origins: Sequence[str], local: tuple[str, int]) -> Denied | None:
        """Why a page of these origins may not read anything; None when it may.

        Args:
            origins: the `Origin` headers; programs other than browsers send none.
            local: address and port that the request came to.
        """
        own = self._own_hosts(local)
        for origin in origins:
            if not origin_allowed(origin, own, local[1], self._settings.origins):
                self._warn(
                    f"origin {origin:.200}",
                    "sink %r: pages of the origin %s were refused; to allow them: sinks.%s.origins = [%s]",
                    self._sink,
                    _short(origin),
                    self._sink,
                    json.dumps(origin)[:200],
                )
                return Denied(
                    HTTPStatus.FORBIDDEN,
                    f"Pages of the origin {_short(origin)} may not open this stream. Its operator can allow "
                    f"them with the setting `origins` of the sink {self._sink!r}.",
                )
        return None

    def shared(
        self, origins: Sequence[str], referers: Sequence[str], local: tuple[str, int]
    ) -> dict[str, str]:
        """The headers by which a browser lets the asking page use an answer that it was given.

        A page that may read names itself in `Origin` when a script asks (Fetch, section 3.2.6), and in
        `Referer` when an `<img>` does. A page that names itself nowhere counts as `null`.

        Args:
            origins: the `Origin` headers, all of which may read.
            referers: the `Referer` headers.
            local: address and port that the request came to.
        """
        if origins:
            everyone = "*" in self._settings.origins  # then what the client sent may be any text
            return {
                "Access-Control-Allow-Origin": "*" if everyone else as_origin(origins[0]),
                "Cross-Origin-Resource-Policy": "cross-origin",
                "Vary": "Origin",
            }
        page = "/".join(referers[0].split("/", 3)[:3]) if referers else "null"
        if origin_allowed(page, self._own_hosts(local), local[1], self._settings.origins):
            return {"Cross-Origin-Resource-Policy": "cross-origin"}
        return {}

    def misdirected(
        self, hosts: Sequence[str], origins: Sequence[str], local: tuple[str, int]
    ) -> Denied | None:
        """Why a request for this host is not answered; None when it is.

        Args:
            hosts: the `Host` headers.
            origins: the `Origin` headers.
            local: address and port that the request came to.
        """
        named = [host for host in hosts if host]
        if not named and not origins:
            return None  # a browser always names the host (RFC 9112, section 3.2); load balancers may not
        host = ", ".join(named)
        if len(named) == 1 and host_known(host, self._own_hosts(local), self._settings.origins):
            return None
        self._warn(
            f"host {host:.200}",
            "sink %r: requests for the host %s were refused; if it is this server: set sinks.%s.public_host "
            "to it; if it is a proxy before it: add the proxy's origin to sinks.%s.origins",
            self._sink,
            _short(host),
            self._sink,
            self._sink,
        )
        return Denied(
            HTTPStatus.MISDIRECTED_REQUEST,
            f"This server does not go by the name {_short(host)}. Open it by its address, or have its "
            f"operator set `public_host` of the sink {self._sink!r} to that name; if it is the name of a "
            "proxy, the proxy's origin belongs into `origins`.",
        )

    def incomplete(self, remote_host: str) -> Denied:
        """The refusal of a handshake from this address that lacks a part."""
        self._warn(
            "handshake",
            "sink %r: %s sent an incomplete WebSocket handshake: if it is a proxy, configure it to forward "
            "WebSocket upgrades",
            self._sink,
            remote_host,
        )
        return _INCOMPLETE

    def _own_hosts(self, local: tuple[str, int]) -> Collection[str]:
        return (self._settings.public_host, self._settings.host, local[0])

    def _warn(self, thing: str, message: str, *arguments: object) -> None:
        """Log at WARNING the first time that `thing` is seen, if few were before; otherwise at DEBUG."""
        is_new = thing not in self._warned and len(self._warned) < MOST_WARNINGS
        if is_new:
            self._warned.add(thing)
        log.log(logging.WARNING if is_new else logging.DEBUG, message, *arguments)


def _short(name: str) -> str:
    return f"{name!r:.200}"
