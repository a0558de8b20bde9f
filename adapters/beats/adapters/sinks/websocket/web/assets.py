"""The files of the page, which the package brings along."""

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.sinks.websocket.web.reply import Reply

FOLDER: Final = Path(__file__).parents[1] / "page"
INDEX: Final = "index.html"
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "worker-src 'self'",
        "style-src 'self'",
        "img-src 'self' blob:",
        "connect-src 'self'",
        "manifest-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types beats",
    ]
)
"""Content Security Policy, level 3: nothing from elsewhere, nothing inline, nobody's frame."""


class Asset(NamedTuple):
    """One file."""

    body: bytes
    content_type: str
    tag: str
    """Changes when the file does (RFC 9110, section 8.8.3)."""


@cache
def assets() -> Mapping[str, Asset]:
    """All files by their names, read once; no other name leads anywhere."""
    found: dict[str, Asset] = {}
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in _TYPES:
            body = path.read_bytes()
            found[path.name] = Asset(body, _TYPES[path.suffix], f'"{sha256(body).hexdigest()[:20]}"')
    return found


def serve(asset: Asset, if_none_match: str) -> Reply:
    """A file, or word that the one that the browser has is still right."""
    headers = {
        "Cache-Control": "no-cache",  # asked each time: after an update the page is never half old
        "ETag": asset.tag,
        "Content-Security-Policy": _POLICY,
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if asset.tag in if_none_match:
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    return Reply(HTTPStatus.OK, asset.body, asset.content_type, headers)
