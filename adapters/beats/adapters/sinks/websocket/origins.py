"""Which web pages may read from this server, by their origin and by the host that they ask for.

A refusal names the setting that would allow it, in its answer and, once for each name, in the log: behind a
reverse proxy honest pages come from an origin, and ask for a host, that this server cannot know by itself.
"""

import json
import logging
from collections.abc import Collection, Sequence
from http import HTTPStatus
from typing import Final

from beats.adapters.http.access import Denied, host_known, origin_allowed
from beats.adapters.sinks.websocket.once import Once
from beats.adapters.sinks.websocket.settings import WebSocketSettings

log = logging.getLogger(__name__)

_SPOILT: Final = Denied(
    HTTPStatus.UPGRADE_REQUIRED,
    "This WebSocket handshake is not whole: HTTP/1.1, `Connection: Upgrade` and `Upgrade: websocket` must "
    "all arrive. A proxy before this server has to be told to pass on WebSocket upgrades.",
    {"Upgrade": "websocket"},
)


class Origins:
    """Decides by the settings of one sink."""

    def __init__(self, sink: str, settings: WebSocketSettings) -> None:
        """Decide for the sink of this name."""
        self._sink: Final = sink
        self._settings = settings
        self._once: Final = Once(log)

    def adjust(self, settings: WebSocketSettings) -> None:
        """Decide by other settings from now on."""
        self._settings = settings
        self._once.forget()

    def foreign(self, origins: Sequence[str], local: tuple[str, int]) -> Denied | None:
        """Why a page of these origins may not read anything; None when it may.

        Args:
            origins: the `Origin` headers; programs that are no browsers send none.
            local: address and port that the request came to.
        """
        own = self._own_hosts(local)
        for origin in origins:
            if not origin_allowed(origin, own, local[1], self._settings.origins):
                self._once.warn(
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
        self._once.warn(
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

    def spoilt(self, remote_host: str) -> Denied:
        """Why a handshake from this address, which lacks a part, is refused."""
        self._once.warn(
            "handshake",
            "sink %r: %s sent a WebSocket handshake that is not whole: if it is a proxy, it has to be told "
            "to pass on WebSocket upgrades",
            self._sink,
            remote_host,
        )
        return _SPOILT

    def _own_hosts(self, local: tuple[str, int]) -> Collection[str]:
        return (self._settings.public_host, self._settings.host, local[0])


def _short(name: str) -> str:
    return f"{name!r:.200}"
