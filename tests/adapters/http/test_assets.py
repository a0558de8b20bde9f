"""The files that the page is made of."""

import gzip
import re
from http import HTTPStatus

import pytest

from beats.adapters.http.assets import FOLDER, STYLES, Asset, Found, find, page, serve

ASSET = Found(Asset(b"x", gzip.compress(b"x"), "text/css; charset=utf-8", 'W/"abc"'), "no-cache")


def addresses() -> list[str]:
    """What the document names, as paths from the root."""
    document = page().document.body.decode()
    return [f"/{path}" for path in re.findall(r'(?:href|src)="(page/[^"]+)"', document)]


def test_the_document_names_few_files_and_they_are_there() -> None:
    """A style sheet, scripts and an icon, each under an address that changes when any of them does."""
    named = addresses()
    assert sorted({path.rpartition("/")[2] for path in named}) == [
        *("icon.svg", "page.css", "page.js", "parts.js", "stream.js")
    ]
    assert {path.split("/")[2] for path in named} == {page().version}
    assert all(find(path) for path in named)


def test_every_source_is_part_of_the_page() -> None:
    """Each style sheet and each module, unchanged but for what joins modules."""
    styles = page().others["page.css"].body.decode()
    scripts = "".join(page().others[f"{name}.js"].body.decode() for name in ("stream", "parts", "page"))
    assert {path.name for path in FOLDER.glob("*.css")} == set(STYLES)
    for path in FOLDER.iterdir():
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            assert source in styles
        elif path.suffix == ".js":
            assert source.splitlines()[0] in scripts
        else:
            assert path.name in ("index.html", "icon.svg")


def test_what_has_its_version_in_its_address_is_kept_for_good() -> None:
    """And the document, which names it, is asked for at each visit."""
    for path in addresses():
        found = find(path)
        assert found is not None
        assert found.cache == "public, max-age=31536000, immutable"
    document = find("/")
    assert document is not None
    assert document.cache == "no-cache"


@pytest.mark.parametrize("version", ["0" * 16, "older", "x"])
def test_a_file_of_another_version_is_answered_with_this_one_and_not_kept(version: str) -> None:
    """So that a document of another process, during an update, has a script all the same."""
    found = find(f"/page/{version}/page.js")
    assert found is not None
    assert (found.asset, found.cache) == (page().others["page.js"], "no-store")


@pytest.mark.parametrize(
    "path",
    [
        "",
        "//",
        "/page/",
        "/page/page.js",
        "/page//page.js",
        "/page/x/",
        "/page/x/main.js",
        "/page/../x/page.js",
    ],
)
def test_nothing_else_leads_anywhere(path: str) -> None:
    """Neither sources nor what lies beside them."""
    assert find(path) is None


def test_where_a_token_is_needed_the_document_says_so() -> None:
    """And differs in nothing else, but for its tag."""
    locked = find("/", locked=True)
    assert locked is not None
    assert locked.asset.body.replace(b"<html data-locked ", b"<html ") == page().document.body
    assert locked.asset.tag != page().document.tag


def test_files_are_told_apart_by_their_tags() -> None:
    """What has changed has another."""
    every = [page().document, page().locked, *page().others.values()]
    tags = {asset.tag for asset in every}
    assert len(tags) == len(every)
    assert all(re.fullmatch(r'W/"\w+"', tag) for tag in tags)


def test_a_file_is_asked_for_again_and_sent_when_it_has_changed() -> None:
    """After an update no browser shows the old page."""
    first = serve(ASSET, "")
    assert (first.status, first.body, first.content_type) == (HTTPStatus.OK, b"x", ASSET.asset.content_type)
    assert (first.headers["Cache-Control"], first.headers["ETag"]) == ("no-cache", 'W/"abc"')
    for known in ('W/"abc"', '"other", W/"abc"'):
        again = serve(ASSET, known)
        assert (again.status, again.body) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again.headers["ETag"] == 'W/"abc"'
    assert serve(ASSET, '"other"').status == HTTPStatus.OK


@pytest.mark.parametrize(
    ("accepted", "is_zipped"),
    [
        ("", False),
        ("br, identity", False),
        ("gzip;q=0", False),
        ("gzip; q=0.0, br", False),
        ("gzip", True),
        ("br, gzip;q=0.5", True),
        ("gzip, deflate, br, zstd", True),
    ],
)
def test_files_are_compressed_for_those_who_take_it(accepted: str, is_zipped: bool) -> None:
    """A third of the bytes, which decides how soon a page is there on a long line."""
    reply = serve(ASSET, "", accepted)
    assert reply.headers["Vary"] == "Accept-Encoding"
    assert reply.headers.get("Content-Encoding") == ("gzip" if is_zipped else None)
    assert (gzip.decompress(reply.body) if is_zipped else reply.body) == b"x"


def test_the_page_may_load_nothing_from_elsewhere_and_nothing_inline() -> None:
    """Whatever a peripheral's data hold, no script of theirs runs."""
    rules = dict(
        rule.split(" ", 1) for rule in serve(ASSET, "").headers["Content-Security-Policy"].split("; ")
    )
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    text = " ".join(rules.values())
    assert "unsafe" not in text
    assert "http" not in text
    assert "*" not in text
