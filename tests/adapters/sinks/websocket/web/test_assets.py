"""The files of the page."""

from http import HTTPStatus

from beats.adapters.sinks.websocket.web.assets import FOLDER, INDEX, Asset, assets, serve

ASSET = Asset(b"x", "text/css; charset=utf-8", '"abc"')


def test_every_file_of_the_page_is_there_as_it_is() -> None:
    """With a type that the browser takes it by: it is told to guess none."""
    found = assets()
    assert INDEX in found
    for name, asset in found.items():
        assert asset.body == (FOLDER / name).read_bytes()
        assert asset.content_type.split(";")[0] in {
            "text/html",
            "text/css",
            "text/javascript",
            "image/svg+xml",
            "application/manifest+json",
        }


def test_every_file_in_the_folder_is_of_a_known_type() -> None:
    """Another would be left out, and the page would miss it."""
    assert {path.name for path in FOLDER.iterdir() if path.is_file()} == set(assets())


def test_files_are_told_apart_by_their_tags() -> None:
    """What has changed has another."""
    tags = {asset.body: asset.tag for asset in assets().values()}
    assert len(set(tags.values())) == len(tags)
    assert all(tag.startswith('"') and tag.endswith('"') for tag in tags.values())


def test_a_file_is_asked_for_again_each_time_and_sent_when_it_has_changed() -> None:
    """After an update no browser shows half of the old page."""
    first = serve(ASSET, "")
    assert (first.status, first.body, first.content_type) == (HTTPStatus.OK, b"x", ASSET.content_type)
    assert (first.headers["Cache-Control"], first.headers["ETag"]) == ("no-cache", '"abc"')
    for known in ('"abc"', 'W/"abc"', '"other", "abc"'):
        again = serve(ASSET, known)
        assert (again.status, again.body) == (HTTPStatus.NOT_MODIFIED, b"")
        assert again.headers["ETag"] == '"abc"'
    assert serve(ASSET, '"other"').status == HTTPStatus.OK


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
