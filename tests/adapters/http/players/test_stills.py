"""The latest picture as a file, and who may have it."""

import pytest

from tests.adapters.http.players.support import SINKS, on_air, opened, reading
from tests.adapters.sinks.websocket.support import exchange, fetch, until
from tests.support import picture

pytestmark = pytest.mark.anyio

STREAM_AND_STILLS = ("/stream.mjpg", "/frame.jpg", "/frame.png", "/frame.webp")


@pytest.mark.parametrize("kind", SINKS)
async def test_the_latest_picture_comes_in_three_formats(kind: str) -> None:
    """As it was published if it is of that format; smaller, and of another quality, if that is asked for."""
    async with on_air(kind) as air:
        jpeg = picture("jpeg", 40, 30, 99)
        air.show(picture("jpeg", 8, 8), "cam")
        air.show(jpeg)
        for path, form in zip(STREAM_AND_STILLS[1:], ("JPEG", "PNG", "WEBP"), strict=True):
            answer = await fetch(air.port, path)
            image = opened(answer.body)
            assert (answer.status, image.format, image.size) == (200, form, (40, 30))
            assert answer.headers["Content-Type"] == f"image/{form.lower()}"
            assert answer.headers["Cache-Control"] == "no-store"
            assert abs(image.convert("L").tobytes()[0] - 99) < 4
        assert (await fetch(air.port, "/frame.jpg")).body == jpeg
        small = await fetch(air.port, "/frame.webp?picture=cam&max_width=4&quality=10&t=123")
        assert opened(small.body).size == (4, 4)
        head = await fetch(air.port, "/frame.jpg", "HEAD")
        assert (int(head.headers["Content-Length"]), head.body) == (len(jpeg), b"")


async def test_a_picture_that_is_known_already_is_not_sent_again() -> None:
    """By its tag, which the same picture has when it is published again, and the next one has not."""
    async with on_air() as air:
        air.show(picture("jpeg"))
        first = await fetch(air.port, "/frame.png")
        known = {"If-None-Match": first.headers["ETag"]}
        again = await fetch(air.port, "/frame.png", **known)
        assert (again.status, again.body, air.encoded) == (304, b"", 1)
        air.show(picture("jpeg"))
        assert (await fetch(air.port, "/frame.png", **known)).status == 304
        air.show(picture("jpeg", shade=9))
        assert (await fetch(air.port, "/frame.png", **known)).status == 200


async def test_what_is_not_there_or_wrong_is_explained() -> None:
    """No picture yet, no such picture, a wrong query, a picture that cannot be decoded, too many forms."""
    async with on_air(max_variants=1) as air:
        early = await fetch(air.port, "/frame.jpg")
        assert (early.status, early.headers["Retry-After"]) == (503, "1")
        assert early.text == "There is no picture yet: none has been published.\n"
        air.show(picture("jpeg")[:200], "broken")
        for path in ("/frame.jpg?picture=cam", "/stream.mjpg?picture=cam"):
            answer = await fetch(air.port, path)
            assert (answer.status, answer.text) == (404, "There is no picture 'cam'; there are: 'broken'.\n")
        for path in STREAM_AND_STILLS:
            assert (await fetch(air.port, f"{path}?width=3")).status == 400
            answer = await fetch(air.port, path)
            right = "There is no main picture; there are: 'broken'. Add ?picture= and a name.\n"
            assert (answer.status, answer.text) == (404, right)
            assert (await fetch(air.port, f"{path}?picture=nope")).status == 404
        air.show(picture("jpeg"))
        answer = await fetch(air.port, "/frame.webp?picture=broken")
        assert (answer.status, "cannot be shown" in answer.text) == (500, True)
        async with reading(air, "?quality=30"):
            for method in ("GET", "HEAD"):
                answer = await fetch(air.port, "/stream.mjpg?quality=31", method)
                assert (answer.status, "max_variants = 1" in answer.text) == (503, method == "GET")
            air.show(picture("png"))
            for path in ("/frame.jpg", "/frame.jpg?quality=31&max_width=5", "/frame.webp"):
                assert (await fetch(air.port, path)).status == 200
            async with reading(air) as reader:
                assert reader.status == "HTTP/1.1 200 OK"
        await until(lambda: not air.clients)
        assert air.totals.groups[0].connected == 0


async def test_a_token_is_asked_for_where_there_is_one() -> None:
    """In a header or in the query; refused players are counted."""
    async with on_air(token="secret") as air:
        air.show(picture("jpeg"))
        for path in STREAM_AND_STILLS:
            assert (await fetch(air.port, path)).status == 401
            assert (await fetch(air.port, path, "HEAD", Authorization="Bearer secret")).status == 200
            assert (await fetch(air.port, f"{path}?token=secret", "HEAD")).status == 200
        assert air.totals.refused == 1
        async with reading(air, "?token=secret"), reading(air, "", "Authorization: Bearer secret"):
            await until(lambda: len(air.clients) == 2)


async def test_browsers_may_show_pictures_in_pages_that_may_read() -> None:
    """A script names its page in `Origin`, an `<img>` in `Referer`; others are kept out by the browser."""
    async with on_air("websocket", origins=("https://wall.example",)) as air:
        air.show(picture("jpeg"))
        policies: dict[str, str] = {}
        for page in ("https://wall.example/a?b", "http://localhost:3000/", "https://evil.example/", "x"):
            answer = await fetch(air.port, "/frame.jpg", Referer=page)
            policies[page] = answer.headers["Cross-Origin-Resource-Policy"]
            assert answer.status == 200
        assert list(policies.values()) == ["cross-origin", "cross-origin", "same-origin", "same-origin"]
        nameless = await fetch(air.port, "/frame.jpg")
        assert nameless.headers["Cross-Origin-Resource-Policy"] == "same-origin"
        asked = await fetch(air.port, "/api/last", Origin="https://wall.example")
        assert asked.headers["Access-Control-Allow-Origin"] == "https://wall.example"
        assert (asked.headers["Vary"], asked.status) == ("Origin", 200)
        for path in STREAM_AND_STILLS:
            assert (await fetch(air.port, path, Origin="https://evil.example")).status == 403
            assert (await fetch(air.port, path, Host="evil.example")).status == 421
        async with reading(air, "", "Referer: https://wall.example/") as reader:
            assert reader.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
    async with on_air(origins=("*",)) as air:
        answer = await fetch(air.port, "/livez")
        assert answer.headers["Cross-Origin-Resource-Policy"] == "cross-origin"


async def test_an_origin_that_is_no_text_does_no_harm(caplog: pytest.LogCaptureFixture) -> None:
    """Where all pages may read, it is not repeated."""
    async with on_air(origins=("*",)) as air:
        request = b"GET /livez HTTP/1.1\r\nHost: localhost\r\nOrigin: \xff\r\n\r\n"
        answer = await exchange(air.port, request)
        assert b"\r\nAccess-Control-Allow-Origin: *\r\n" in answer
    assert caplog.records == []
