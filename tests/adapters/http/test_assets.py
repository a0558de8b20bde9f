"""The files that the page is made of."""

import gzip
import re
from http import HTTPStatus

from beats.adapters.http.assets import FOLDER, STYLES, Asset, FoundAsset, find, page, serve

ASSET = FoundAsset(Asset(b"x", gzip.compress(b"x"), "text/css; charset=utf-8", 'W/"abc"'), "no-cache")


def addresses() -> list[str]:
    """The files that the document names, as paths from the root."""
    document = page().document.body.decode()
    return [f"/{path}" for path in re.findall(r'(?:href|src)="(page/[^"]+)"', document)]


def test_the_document_names_few_files_that_exist() -> None:
    """A style sheet, scripts and an icon, each at an address that changes when any of them changes."""
    named = addresses()
    assert sorted({path.rpartition("/")[2] for path in named}) == [
        *("icon.svg", "page.css", "page.js", "parts.js", "stream.js")
    ]
    assert {path.split("/")[2] for path in named} == {page().version}
    assert all(find(path) for path in named)


def test_every_source_is_part_of_the_page() -> None:
    """Each style sheet and each module, without comments."""
    styles = page().others["page.css"].body.decode()
    scripts = "".join(page().others[f"{name}.js"].body.decode() for name in ("stream", "parts", "page"))
    assert {path.name for path in FOLDER.glob("*.css")} == set(STYLES)
    for path in FOLDER.iterdir():
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".css":
            assert source in styles
        elif path.suffix == ".js":
            assert re.findall(r"^ .*;$", source, re.MULTILINE)[-1] in scripts
        else:
            assert path.name in ("index.html", "icon.svg")


def test_a_file_with_its_version_in_its_address_is_cached_for_good() -> None:
    """The document, which names it, is revalidated. The files of another version are not cached.

    During an update, a document of another process gets the scripts of this one.
    """
    for path in (*addresses(), "/"):
        found = find(path)
        assert found is not None
        assert found.cache == ("no-cache" if path == "/" else "public, max-age=31536000, immutable")
    for version in ("0" * 16, "older", "x"):
        assert find(f"/page/{version}/page.js") == FoundAsset(page().others["page.js"], "no-store")


def test_no_other_path_exists() -> None:
    """Neither sources nor files beside them."""
    for path in ("", "//", "/page/", "/page/page.js", "/page//page.js", "/page/x/", "/page/x/main.js"):
        assert find(path) is None
    assert find("/page/../x/page.js") is None


def test_where_a_token_is_needed_the_document_says_so() -> None:
    """It differs in nothing else, except its tag: each content has its own."""
    locked = find("/", locked=True)
    assert locked is not None
    assert locked.asset.body.replace(b"<html data-locked ", b"<html ") == page().document.body
    tags = [asset.tag for asset in (page().document, page().locked, *page().others.values())]
    assert len(set(tags)) == len(tags)
    assert all(re.fullmatch(r'W/"\w+"', tag) for tag in tags)


def test_a_changed_file_is_sent_again() -> None:
    """After an update no browser shows the old page."""
    first = serve(ASSET, "")
    assert (first.status, first.body, first.content_type) == (HTTPStatus.OK, b"x", ASSET.asset.content_type)
    assert (first.headers["Cache-Control"], first.headers["ETag"]) == ("no-cache", 'W/"abc"')
    for known in ('W/"abc"', '"other", W/"abc"'):
        again = serve(ASSET, known)
        assert (again.status, again.body) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again.headers["ETag"] == 'W/"abc"'
    assert serve(ASSET, '"other"').status == HTTPStatus.OK


def test_files_are_compressed_if_the_browser_accepts_that() -> None:
    """To a third of their bytes."""
    for accepted in ("", "br, identity", "gzip;q=0", "gzip; q=0.0, br"):
        reply = serve(ASSET, "", accepted)
        assert (reply.body, "Content-Encoding" in reply.headers) == (b"x", False)
    for accepted in ("gzip", "br, gzip;q=0.5", "gzip, deflate, br, zstd"):
        reply = serve(ASSET, "", accepted)
        assert (gzip.decompress(reply.body), reply.headers["Content-Encoding"]) == (b"x", "gzip")
        assert reply.headers["Vary"] == "Accept-Encoding"


def test_the_page_may_load_nothing_from_elsewhere_and_nothing_inline() -> None:
    """No script in a peripheral's data can run."""
    rules = dict(
        rule.split(" ", 1) for rule in serve(ASSET, "").headers["Content-Security-Policy"].split("; ")
    )
    assert rules["default-src"] == "'none'"
    assert rules["frame-ancestors"] == "'none'"
    listed = serve(ASSET, "", "", ("https://a.example", "http://b:81")).headers["Content-Security-Policy"]
    assert "; frame-ancestors https://a.example http://b:81; " in listed
    text = " ".join(rules.values())
    assert "unsafe" not in text
    assert "http" not in text
    assert "*" not in text
