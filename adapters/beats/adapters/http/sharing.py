"""The address of a stream for another device, as text and as a QR code."""

import io
from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from beats.adapters.http.origins import DEFAULT_PORTS
from beats.kernel.capabilities import Address, authority
from beats.kit.addresses import is_loopback

_MOST_CHARACTERS: Final = 1000
"""A longer address makes a code that is hard to read."""
_ALONE: Final = (
    "Only the machine that Beats runs on can open this address. "
    "To open it to the network, set the sink's host to 0.0.0.0, and a token."
)


def share(query: str, token: str, for_others: Callable[[int], Address | None]) -> Mapping[str, object]:
    """The address that another device opens to see the page of a viewer.

    Args:
        query: `url=` and the address that the viewer sees, without a token, which proxies would log.
        token: what the viewer has presented; empty for none.
        for_others: where other machines reach the server that listens on a port.

    Returns:
        `url` and `qr`, the code as an SVG path in which a module is 1 wide, and `size`, its width with the
        margin of 4 modules that ISO/IEC 18004 asks for; or `why`: why no other device can open it.
    """
    wanted = parse_qs(query).get("url", [""])[0]
    try:
        parts = urlsplit(wanted)
        port = parts.port or DEFAULT_PORTS[parts.scheme]
    except (ValueError, KeyError):
        return {"why": "This page has no address that begins with http:// or https://."}
    if len(wanted) > _MOST_CHARACTERS:
        return {"why": f"The address of this page is longer than {_MOST_CHARACTERS} characters."}
    if is_loopback(parts.hostname or "localhost"):
        if (address := for_others(port)) is None:
            return {"why": _ALONE}
        parts = parts._replace(netloc=authority(address.host, address.port))
    if token:
        parts = parts._replace(query=urlencode([*parse_qsl(parts.query), ("token", token)]))
    return {"url": parts.geturl(), **_code(parts.geturl())}


def _code(text: str) -> Mapping[str, object]:
    import segno  # only now: few viewers ask

    made = segno.make(text, micro=False)
    drawn = io.BytesIO()
    made.save(drawn, kind="svg", xmldecl=False, svgns=False, omitsize=True, nl=False)
    path = drawn.getvalue().decode().partition(' d="')[2].partition('"')[0]
    return {"qr": path, "size": made.symbol_size()[0]}
