"""Functions of the page that need no browser: placement, rates, gaps, times, texts."""

import pytest

from beats.proto.encode import PNG_SIGNATURE
from tests.browser.node import call


def test_a_picture_covers_whole_pixels_of_the_screen() -> None:
    """At any pixel ratio, its edges lie between screen pixels; the next larger scale would not fit."""
    area = (811.5, 633.25)
    cases = [
        (picture, ratio)
        for picture in ((64, 64), (64, 32), (7, 5), (300, 200))
        for ratio in (1, 1.25, 1.5, 2, 2.625, 0.9)
    ]
    places = call("picture.js", *(placed(area, picture, ratio) for picture, ratio in cases))
    for place, (picture, ratio) in zip(places, cases, strict=True):
        scale = place["scale"]
        assert scale == round(scale) >= 1
        assert any((scale + 1) * side > room * ratio for side, room in zip(picture, area, strict=True))
        for margin, side, room in zip((place["left"], place["top"]), picture, area, strict=True):
            assert margin * ratio == pytest.approx(round(margin * ratio))
            rest = room * ratio - scale * side
            assert rest / 2 - 1 <= margin * ratio <= rest / 2


def test_a_picture_that_is_too_large_is_shrunk_to_fit() -> None:
    """It is centred; in an area without size it has none."""
    shrunk, gone = call("picture.js", placed((800, 600), (3840, 2160), 1), placed((0, 0), (64, 64), 1))
    assert shrunk == {"scale": pytest.approx(800 / 3840), "left": 0, "top": 75}
    assert gone == {"scale": 0, "left": 0, "top": 0}


def test_a_picture_may_fill_its_area_at_any_scale() -> None:
    """Also at a scale that is not whole."""
    filled, whole = call(
        "picture.js", placed((811, 633), (64, 64), 1, "false"), placed((640, 700), (64, 64), 1, "false")
    )
    assert filled == {"scale": pytest.approx(633 / 64), "left": 89, "top": 0}
    assert whole == {"scale": 10, "left": 0, "top": 30}


def placed(area: tuple[float, float], picture: tuple[int, int], ratio: float, is_whole: str = "true") -> str:
    """The call that places a picture in an area."""
    width, height = "{{width: {}, height: {}}}".format(*area), "{{width: {}, height: {}}}".format(*picture)
    return f"return fit({width}, {height}, {ratio}, {is_whole})"


def test_attempts_to_connect_become_rarer() -> None:
    """With random waits from half a second to ten seconds."""
    (lows, highs) = call(
        "link.js",
        "return Array.from({length: 12}, (_, failed) => delayMs(failed, 0))",
        "return Array.from({length: 12}, (_, failed) => delayMs(failed, 1))",
    )
    assert highs == [500, 1000, 2000, 4000, 8000, *[10_000] * 7]
    assert lows == [500, 500, 1000, 2000, 4000, *[5000] * 7]


def test_the_reason_for_the_end_of_a_connection_is_shown() -> None:
    """For each close code of the server, and for others."""
    ended = "return reason({code: %d, reason: 'so it said', opened: true})"
    assert call("reasons.js", *(ended % code for code in (1001, 1006, 1008, 1013, 4321))) == [
        "The server stopped or restarts.",
        "The connection was lost.",
        "The server closed the connection: so it said.",
        "This page was too slow for the stream and was disconnected.",
        "The connection ended with code 4321.",
    ]


_NO_WEBSOCKET = (
    "The server would accept this page, but something in between does not forward WebSocket connections: "
    "a proxy must forward the headers Upgrade and Connection."
)
_FULL = "The stream is full: it has reached its limit of viewers."
_MOVED = "The server redirects this page, perhaps to sign in: reload it."
_REFUSALS = [
    ("{status: 0, text: ''}", 0, "Server away", "The server cannot be reached."),
    ("{status: 401, text: 'A token.'}", 0, "Token needed", "A token."),
    ("{status: 400, text: 'No.'}", 0, "Wrong address", "This page has an invalid query: No."),
    ("{status: 403, text: 'Not from there.'}", 0, "Not allowed", "Not from there."),
    ("{status: 403, text: ''}", 0, "Not allowed", "A proxy refused this page (status 403)."),
    ("{status: 429, text: 'Too many.'}", 0, "Too many", "Too many."),
    ("{status: 503, text: 'No room.'}", 0, "Stream full", "The stream is full. No room."),
    *(
        (
            f"{{status: {status}, text: '{text}'}}",
            0,
            "Server away",
            f"A proxy answers, but the server behind it does not (status {status}).",
        )
        for status, text in ((503, ""), (502, "Bad Gateway"))
    ),
    ("{status: 200, text: ''}", 503, "Stream full", _FULL),
    ("{status: 200, text: '', moved: true}", 200, "Moved", _MOVED),
    ("{status: 421, text: 'Not by that name.'}", 0, "Refused", "Not by that name."),
    ("{status: 404, text: ''}", 0, "Refused", "The server answered with status 404."),
    *((f"{{status: {status}, text: 'x'}}", 200, "No WebSocket", _NO_WEBSOCKET) for status in (200, 204, 426)),
]


def test_the_reason_for_a_refusal_is_shown() -> None:
    """From the answer of the server, or of a proxy in between, to a plain request."""
    calls = (f"return judge({answer}, {{status: {ready}}})" for answer, ready, _, _ in _REFUSALS)
    found = call("reasons.js", *calls)
    assert [(each["title"], each["text"]) for each in found] == [case[2:] for case in _REFUSALS]
    assert all(each["needsToken"] is (each["title"] == "Token needed") for each in found)


def test_a_missing_network_is_reported() -> None:
    """Instead of blaming the server."""
    (found,) = call("reasons.js", "return judge({status: 0, text: ''}, {status: 0}, false)")
    assert found["text"] == "This device has no network."


def test_a_stream_that_stops_differs_from_one_that_often_pauses() -> None:
    """Two seconds are notable for a continuous stream, but not for one with such pauses before."""
    begin = "const silence = new Silence(); silence.begin(0);"
    flows = f"{begin} for (let t = 0; t <= 9000; t += 20) silence.note(t, true);"
    seldom = f"{begin} for (let t = 0; t <= 30000; t += 10000) silence.note(t, false);"
    once = f"{begin} silence.note(10, true);"
    late = "return [silence.at(%d).isNotable, silence.at(%d).isNotable]"
    found = call(
        "measures.js",
        flows + late % (10_999, 11_000),
        flows + "return [silence.at(9500).quietMs, silence.at(9500).flowed]",
        seldom + late % (44_999, 45_000),
        once + late % (2009, 2010),
        once + "return silence.at(9000).flowed",
        flows + "silence.note(19000, true);" + late % (20_999, 21_000),
        seldom + "silence.note(200000, false);" + late % (201_999, 202_000),
        f"{begin} silence.begin(1000);" + late % (2999, 3000),
    )
    assert found == [
        *([False, True], [500, True], [False, True], [False, True], False),
        *([False, True], [False, True], [False, True]),
    ]


def test_the_quickest_answer_sets_the_clock() -> None:
    """Its offset counts, among the last eight."""
    make = "const clock = new Clock(); clock.sample(0, 100, 1000); clock.sample(200, 204, 1302);"
    first, best, old, none = call(
        "clock.js",
        "const clock = new Clock(); clock.sample(0, 100, 1000); return clock.serverMs(50)",
        f"{make} clock.sample(300, 380, 1500); return clock.serverMs(1000)",
        f"{make} for (let i = 0; i < 8; i++) clock.sample(0, 50, 25); return clock.serverMs(0)",
        f"{make} clock.reset(); return clock.serverMs(0)",
    )
    assert (first, best, old, none) == (1000, 2100, 0, None)


def test_a_rate_covers_the_last_seconds() -> None:
    """Steady, just started, ended, and started again."""
    steady = "const meter = new Meter(); for (let t = 0; t < 5000; t += 20) meter.add(1, t);"
    young = "const meter = new Meter(); for (let t = 40; t < 500; t += 20) meter.add(1, t);"
    rates = call(
        "measures.js",
        f"{steady} return meter.perSecond(5000)",
        f"{young} return meter.perSecond(500)",
        f"{steady} return meter.perSecond(9000)",
        f"{steady} for (let t = 9000; t < 9500; t += 20) meter.add(1, t); return meter.perSecond(9500)",
        "return new Meter().perSecond(0)",
    )
    assert rates == [50, pytest.approx(50, abs=6), 0, 50, 0]


def test_gaps_in_sequence_numbers_are_counted() -> None:
    """By topic. The first number, a lower one, a repeated one and 0 are no gaps."""
    body = """
        const gaps = new Gaps();
        for (const sequence of [5, 6, 9, 9, 10, 1, 2, 0, 4]) gaps.take("frame", sequence);
        for (const sequence of [1, 2, 3]) gaps.take("whole", sequence);
        for (const sequence of [2n ** 60n, 2n ** 60n + 11n]) gaps.take("far", sequence);
        return [gaps.total, gaps.topics, gaps.worst(1), gaps.worst(9)];
    """
    (found,) = call("measures.js", body)
    assert found == [13, 2, [["far", 10]], [["far", 10], ["frame", 3]]]


def test_the_number_of_topics_is_bounded() -> None:
    """A stream with ever new topics takes bounded memory."""
    body = """
        const gaps = new Gaps();
        for (let topic = 0; topic < 50000; topic++) { gaps.take(`${topic}`, 1); gaps.take(`${topic}`, 3); }
        return gaps.topics;
    """
    assert call("measures.js", body) == [20_000]


def shown(function: str, *values: float) -> list[str]:
    """The texts for numbers."""
    return call("format.js", *(f"return {function}({value})" for value in values))


def test_numbers_are_short_and_have_units() -> None:
    """Bytes, times, rates, positions, readings."""
    assert shown("size", 0, 999, 1000, 12_345, 999_999, 83.4e9) == [
        *("0 B", "999 B", "1.00 kB", "12.3 kB", "1.00 MB", "83.4 GB")
    ]
    assert shown("duration", -3, 8.4, 999.9, 59_949, 59_960, 4e6, 9e8) == [
        *("0 ms", "8 ms", "1.0 s", "59.9 s", "1 min", "1 h", "10 d")
    ]
    assert shown("rate", 0, 0.25, 9.96, 60, 2000) == ["0", "0.25", "10.0", "60.0", "2000"]
    assert shown("position", 0, 9.96, 61.25, 3600, 7325.5) == [
        *("0:00.0", "0:09.9", "1:01.2", "1:00:00.0", "2:02:05.5")
    ]
    assert shown("reading", 0, -12, 9.80665, 1 / 3, 1e-9 / 3, 1e21) == [
        *("0", "-12", "9.80665", "0.333333", "3.33333e-10", "1e+21")
    ]
    assert shown("reading", 1796017488, -(2**53) + 1, 1796017488.253, -123456.789, 12345.67891) == [
        *("1796017488", "-9007199254740991", "1796017488.3", "-123456.8", "12345.7")
    ]


def test_the_position_of_a_replay_moves_between_two_answers() -> None:
    """At its speed up to its end; not while paused, and not at speed `max`."""
    place = "{position_s: 10, duration_s: 20, speed: %s, paused: %s}"
    make = f"const head = new Playhead(); head.set({place}, 1000);"
    places = call(
        "replay.js",
        make % (2, "false") + "return head.position_s(3000)",
        make % (2, "true") + "return head.position_s(3000)",
        make % ('"max"', "false") + "return head.position_s(3000)",
        make % (4, "false") + "return head.position_s(9000)",
    )
    assert places == [14, 10, 10, 20]


def test_no_more_than_64_pictures_are_decoded() -> None:
    """Those that came first: a stream with ever new ids takes bounded memory."""
    frames = "for (let id = 0; id < 70; id++) all.take({id, data: new Uint8Array(), width: 1, height: 1});"
    body = f"""
        globalThis.createImageBitmap = async () => 0;
        const shown = [];
        const all = new Pictures(({{ id }}) => shown.push(id));
        {frames}
        return new Promise((done) => setTimeout(() => done(shown)));
    """
    assert call("frames.js", body) == [list(range(64))]


def test_the_size_of_a_picture_is_known_before_it_is_decoded() -> None:
    """From the header of a PNG file; of other files it is unknown."""
    header = [*PNG_SIGNATURE, 0, 0, 0, 13, *b"IHDR", 0, 0, 1, 0, 0, 0, 0, 2]
    found = call(
        "frames.js",
        f"return sizeOf(new Uint8Array({header}))",
        f"return sizeOf(new Uint8Array({header}).fill(0, 20))",
        f"return sizeOf(new Uint8Array({header}).subarray(1))",
        "return sizeOf(new Uint8Array([0x47, 0x49, 0x46]))",
    )
    assert found == [{"width": 256, "height": 2}, None, None, None]
