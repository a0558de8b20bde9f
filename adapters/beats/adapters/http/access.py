"""Who may watch and who may steer, by token. Decides without I/O."""

from collections.abc import Collection, Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Final, NamedTuple

_NEEDS_TOKEN: Final = "This stream needs a token, as `Authorization: Bearer …` or `?token=…`"


class Denied(NamedTuple):
    """Why a request is refused."""

    status: HTTPStatus
    text: str
    headers: Mapping[str, str] = MappingProxyType({})
    """Further headers of the answer."""


class Tokens(NamedTuple):
    """The tokens that clients must present; None where none is needed."""

    watch: str | None
    control: str | None


class Rights(NamedTuple):
    """What a client may do."""

    steer: bool


def authorise(tokens: Tokens, presented: Collection[str]) -> Rights | Denied:
    """The rights that go with the tokens that a client presented.

    The control token also gives the right to watch. Without a control token, everyone who may watch may
    steer.
    """
    if tokens.control is not None and _any_equal(tokens.control, presented):
        return Rights(steer=True)
    if tokens.watch is not None:
        may_watch = _any_equal(tokens.watch, presented)
    else:
        may_watch = tokens.control is None or not presented  # a client that presents a token wants to steer
    if may_watch:
        return Rights(steer=tokens.control is None)
    return Denied(
        HTTPStatus.UNAUTHORIZED, f"{_NEEDS_TOKEN}{', and this one is invalid' if presented else ''}."
    )


def bearer(header: str | None) -> str | None:
    """The token of an `Authorization` header: RFC 6750, section 2.1."""
    scheme, _, token = (header or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _any_equal(token: str, presented: Collection[str]) -> bool:
    import hmac  # settings are read and checked without it

    # Compares each in constant time, and all of them, so that the time taken reveals nothing.
    matches = [hmac.compare_digest(token.encode(), item.encode(errors="replace")) for item in presented]
    return any(matches)
