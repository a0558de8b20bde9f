"""Who may watch and who may steer. Decides without I/O."""

import ipaddress
from collections.abc import Collection, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Denied(NamedTuple):
    """Why a request is turned away."""

    status: HTTPStatus
    text: str
    headers: Mapping[str, str] = MappingProxyType({})
    """What the answer says besides."""


class Tokens(NamedTuple):
    """What must be presented; None where nothing must be."""

    watch: str | None
    control: str | None


class Rights(NamedTuple):
    """What a client may do."""

    steer: bool


def authorise(tokens: Tokens, presented: Collection[str]) -> Rights | Denied:
    """The rights that go with the tokens that a client presented.

    The control token also lets watch. Without a control token, whoever may watch may steer.
    """
    if tokens.control is not None and _any_equal(tokens.control, presented):
        return Rights(steer=True)
    if tokens.watch is not None:
        watches = _any_equal(tokens.watch, presented)
    else:
        watches = tokens.control is None or not presented  # whoever presents a token means to steer
    if watches:
        return Rights(steer=tokens.control is None)
    return Denied(
        HTTPStatus.UNAUTHORIZED,
        "This stream needs a token, as `Authorization: Bearer …` or `?token=…`, and this is not it."
        if presented
        else "This stream needs a token, as `Authorization: Bearer …` or `?token=…`.",
    )


def bearer(header: str | None) -> str | None:
    """The token of an `Authorization` header: RFC 6750, section 2.1."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def as_origin(text: str) -> str:
    """An origin as browsers send it: RFC 6454, section 6.2; `*` and `null` as they are.

    Raises:
        ValueError: it is none; says what would be right.
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
    at = "" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    origin = f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{at}"
    if parts.path not in ("", "/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise ValueError(f"an origin ends with its host or port: {origin}")
    return origin


def _ascii_host(host: str) -> str:
    return host if host.isascii() else host.encode("idna").decode()


def origin_allowed(
    origin: str | None, own_hosts: Collection[str], own_port: int, allowed: Collection[str]
) -> bool:
    """Whether a web page of this origin may open the stream.

    A page anywhere can otherwise have a visitor's browser connect to `ws://localhost`. The server's own
    origin is told by the names and addresses that it has, never by the `Host` header: a page whose name
    was bound to this machine's address (DNS rebinding) would send its own there.

    Args:
        origin: the `Origin` header; only browsers send one.
        own_hosts: names and addresses of the server itself.
        own_port: the port that it listens on.
        allowed: further origins, as `as_origin` makes them; `*` allows all.
    """
    if origin is None or "*" in allowed:
        return True
    try:
        if as_origin(origin) in allowed:
            return True
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port or _DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return False
    if host is None or parts.scheme not in _DEFAULT_PORTS:
        return False
    if is_loopback(host):
        return True
    return port == own_port and host in {own.lower() for own in own_hosts}


def host_known(header: str | None, own_hosts: Collection[str], allowed: Collection[str]) -> bool:
    """Whether a request's `Host` names this server, or one of the pages that may open the stream.

    By any other name it may be the page of somebody who bound that name to this machine's address (DNS
    rebinding), to read with a visitor's browser what only this machine should. An address cannot be bound.

    Args:
        header: the `Host` header.
        own_hosts: names and addresses of the server itself.
        allowed: origins, such as `https://wall.example`; `*` allows all.
    """
    try:
        host = urlsplit(f"//{header or ''}").hostname
        others = {urlsplit(item).hostname for item in allowed}
    except ValueError:
        return False
    if host is None:
        return header is None and "*" in allowed
    if "*" in allowed or is_loopback(host) or host in {own.lower() for own in own_hosts} or host in others:
        return True
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine by definition: RFC 6761, section 6.3, for the name."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _any_equal(token: str, presented: Collection[str]) -> bool:
    import hmac  # only now: hosts are looked at, in settings, where nobody presents a token

    # In constant time for each, and all of them: no early end to learn from.
    matches = [hmac.compare_digest(token.encode(), item.encode(errors="replace")) for item in presented]
    return any(matches)
