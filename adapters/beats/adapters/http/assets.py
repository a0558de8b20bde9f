"""The files of the page: a document, a style sheet, three scripts and an icon.

The document is requested at each visit. It names the others by addresses that change with their content, so
that browsers cache those for good, and never mix an old page with a new one. Each is small enough to be sent
at once (RFC 6928): a larger file would take one more round trip.
"""

import gzip
import re
from collections.abc import Mapping, Sequence
from functools import cache
from hashlib import sha256
from http import HTTPStatus
from pathlib import Path
from typing import Final, NamedTuple

from beats.adapters.http.bundle import bundle, needed_by
from beats.adapters.http.reply import Reply

FOLDER: Final = Path(__file__).parent / "page"
INDEX: Final = "index.html"
STYLES: Final = ("theme.css", "layout.css", "bar.css", "picture.css", "controls.css", "peripherals.css")
"""The style sheets of the page, in their order of precedence."""
_PATH: Final = re.compile(r"/page/(?P<version>\w{1,64})/(?P<name>[\w.]+)", re.ASCII)
# The page loads this script too; only in the worker, which has no document, it starts the worker.
_START_WORKER: Final = 'if (typeof document === "undefined") $worker();'
_TYPES: Final[Mapping[str, str]] = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".map": "application/json",
    ".svg": "image/svg+xml",
}
_KEEP: Final = "public, max-age=31536000, immutable"
"""Cache-Control of files whose address has their version: RFC 9111, section 5.2.2.1, and RFC 8246."""
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; style-src 'self'; img-src 'self' blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors {ancestors}; "
    "require-trusted-types-for 'script'; trusted-types beats"
)
"""Content Security Policy, level 3: nothing from other sites, nothing inline, frames in listed pages."""


class Asset(NamedTuple):
    """One file as it is sent."""

    body: bytes
    zipped: bytes
    """The same, compressed (RFC 1952)."""
    content_type: str
    tag: str
    """Changes with the file; weak, since it stands for both forms (RFC 9110, section 8.8.3)."""


class PageFiles(NamedTuple):
    """All files of the page."""

    document: Asset
    locked: Asset
    """The document when a token is needed to watch: the page asks for it first."""
    version: str
    """Changes when any of the other files does."""
    others: Mapping[str, Asset]


class FoundAsset(NamedTuple):
    """The file at a path."""

    asset: Asset
    cache: str
    """How long it may be cached: a `Cache-Control` header."""


@cache
def page() -> PageFiles:
    """The page, built from its sources once."""
    sources = {path.name: path.read_text(encoding="utf-8") for path in sorted(FOLDER.iterdir())}
    texts = {
        **_scripts({name: source for name, source in sources.items() if name.endswith(".js")}),
        "page.css": "".join(sources[name] for name in STYLES),
        "icon.svg": sources["icon.svg"],
    }
    version = sha256("\0".join(texts.values()).encode()).hexdigest()[:16]
    document = re.sub(r'((?:href|src)="page/)', rf"\g<1>{version}/", sources[INDEX])
    others = {name: _asset(name, text) for name, text in texts.items()}
    return PageFiles(
        _asset(INDEX, document),
        _asset(INDEX, document.replace("<html ", "<html data-locked ", 1)),
        version,
        others,
    )


def _scripts(modules: Mapping[str, str]) -> Mapping[str, str]:
    """All modules in three scripts of about the same size, with their source maps."""
    stream = needed_by("worker.js", modules)
    halves: tuple[list[str], list[str]] = ([], [])
    for name in sorted(modules.keys() - stream, key=lambda name: -len(modules[name])):
        min(halves, key=lambda half: sum(len(modules[each]) for each in half)).append(name)
    made: dict[str, str] = {}
    for script, names, start in (
        ("stream.js", stream, _START_WORKER),
        ("parts.js", halves[1], ""),
        ("page.js", halves[0], "$main();"),
    ):
        part = {name: modules[name] for name in sorted(names)}
        made[script], made[f"{script}.map"] = bundle(part, start, f"{script}.map")
    return made


def find(path: str, *, locked: bool = False) -> FoundAsset | None:
    """The file at a path; None when there is none.

    A file is found under any version, since the document may come from another process than the file: during
    an update, or behind a proxy with several servers. Under another version than its own it is not cached.
    """
    if path == "/":
        return FoundAsset(page().locked if locked else page().document, "no-cache")
    match = _PATH.fullmatch(path)
    asset = page().others.get(match["name"]) if match else None
    if match is None or asset is None:
        return None
    return FoundAsset(asset, _KEEP if match["version"] == page().version else "no-store")


def serve(
    found: FoundAsset, if_none_match: str, accept_encoding: str = "", frame_ancestors: Sequence[str] = ()
) -> Reply:
    """A file, or the answer that the browser's copy is still valid.

    Args:
        found: the file.
        if_none_match: the copies that the browser has, by their tags.
        accept_encoding: the compressions that it accepts.
        frame_ancestors: the origins of pages that may embed the page.
    """
    asset = found.asset
    headers = {
        "Cache-Control": found.cache,
        "ETag": asset.tag,
        "Vary": "Accept-Encoding",
        "Content-Security-Policy": _POLICY.format(ancestors=" ".join(frame_ancestors) or "'none'"),
        "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    }
    if asset.tag in if_none_match:
        return Reply(HTTPStatus.NOT_MODIFIED, headers=headers)
    if re.search(r"\bgzip\b(?!\s*;\s*q=0(\.0*)?\s*(,|$))", accept_encoding):
        headers["Content-Encoding"] = "gzip"
        return Reply(HTTPStatus.OK, asset.zipped, asset.content_type, headers)
    return Reply(HTTPStatus.OK, asset.body, asset.content_type, headers)


def _asset(name: str, text: str) -> Asset:
    body = text.encode()
    digest = sha256(body).hexdigest()[:20]
    return Asset(body, gzip.compress(body, mtime=0), _TYPES[Path(name).suffix], f'W/"{digest}"')
