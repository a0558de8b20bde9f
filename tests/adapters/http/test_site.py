"""The documents that can be read by plain HTTP."""

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Final

import anyio
import pytest

from beats.adapters.http import assets
from beats.adapters.http.access import Rights
from beats.adapters.http.players.players import Players
from beats.adapters.http.site import Site, ViewerPage, Visit, everything, health, session
from beats.adapters.http.viewers import Viewers
from beats.kernel.capabilities import Address
from beats.kernel.clock import SystemClock
from beats.kernel.ports import Context
from beats.kernel.stats import Stats
from beats.kit.stats_json import stats_of
from beats.pictures.variants import Variants
from tests.adapters.http.metrics.material import BROWSER, RECORDER, STATS
from tests.adapters.sinks.websocket.support import until

PATHS: Final = (
    "/", "/livez", "/readyz", "/healthz", "/api/session", "/api/last", "/api/share", "/api/stats", "/metrics",
)  # fmt: skip
PAGE: Final = ViewerPage(
    lambda: False, lambda: ["heart"], lambda: (), ["browse", "emoji_update"], partial(Address, "wall.example")
)
STEER: Final = Rights(steer=True)


class Counters:
    """Gives counters, and remembers how they were asked for."""

    def __init__(self, stats: Stats = STATS) -> None:
        self.with_clients: Final[list[bool]] = []
        self._stats: Final = stats

    def __call__(self, *, clients: bool = True) -> Stats:
        self.with_clients.append(clients)
        return self._stats


def context(stats: Any = STATS, *commands: str) -> Context:
    def check(fields: Mapping[str, Any]) -> Mapping[str, object]:
        return fields

    ask = Counters(stats) if isinstance(stats, Stats) else stats
    names = dict.fromkeys(commands, check)
    return Context("browser", "studio", SystemClock(), lambda control: None, names, stats=ask)


def site_of(told: Context, page: ViewerPage | None = None) -> Site:
    players = Players(told, Viewers(told.name), Variants(told.name, workers=1, max_variants=0))
    return Site(told, players, page)


def visit(path: str, **more: Any) -> Visit:
    return Visit(path, STEER, **more)


def test_only_the_page_is_open_to_all() -> None:
    """Everything that tells about the stream needs a token where there is one."""
    site = site_of(context(), PAGE)
    for path in PATHS:
        assert site.has(path)
        assert site.is_open(path) is (path == "/")
    assert site.is_open(f"/page/{assets.page().version}/page.js")
    for path in ("", "/page/", "/page/nothing.js", "/page/../web/site.py", "/metrics/", "/api/", "//"):
        assert not site.has(path)


@pytest.mark.anyio
async def test_every_path_has_an_answer_of_its_type() -> None:
    """HTML, text or JSON; and each file of the page."""
    site = site_of(context(), PAGE)
    types = {path: (await site.answer(visit(path))).content_type.split(";")[0] for path in PATHS}
    assert types == dict.fromkeys(PATHS, "application/json") | {"/": "text/html", "/metrics": "text/plain"}
    for name, asset in assets.page().others.items():
        assert (await site.answer(visit(f"/page/{assets.page().version}/{name}"))).body == asset.body
    assert json.loads((await site.answer(visit("/livez"))).body) == {"status": "alive"}


@pytest.mark.anyio
async def test_without_a_page_the_root_lists_the_other_paths() -> None:
    """It is open to all, and there is nothing to steer."""
    site = site_of(context(STATS, "seek"))
    root = await site.answer(visit("/"))
    assert site.is_open("/")
    assert root.content_type.startswith("text/plain")
    assert [path for path in PATHS if path not in root.body.decode()] == [
        "/api/share"
    ]  # the page asks for it
    assert not site.has(f"/page/{assets.page().version}/page.js")
    facts = json.loads((await site.answer(visit("/api/session"))).body)
    assert (facts["rights"], facts["commands"], facts["emojis"]) == ({"steer": False}, [], [])


@pytest.mark.anyio
@pytest.mark.parametrize("locked", [True, False])
async def test_the_page_tells_whether_a_token_is_needed(locked: bool) -> None:
    """At the time of the request, since that may change."""
    site = site_of(context(), PAGE._replace(locked=lambda: locked))
    assert (b"data-locked" in (await site.answer(visit("/"))).body) is locked


@pytest.mark.anyio
async def test_the_headers_of_a_request_are_used() -> None:
    """What the browser has cached, which format Prometheus accepts, and whether there is room."""
    site = site_of(context(), PAGE)
    tag = assets.page().document.tag
    assert (await site.answer(visit("/", if_none_match=tag))).status == HTTPStatus.NOT_MODIFIED
    zipped = await site.answer(visit("/", accept_encoding="gzip"))
    assert zipped.headers["Content-Encoding"] == "gzip"
    reply = await site.answer(visit("/metrics", accept="application/openmetrics-text"))
    assert reply.content_type.startswith("application/openmetrics-text")
    full = await site.answer(visit("/readyz", has_room=False))
    assert (full.status, json.loads(full.body)) == (HTTPStatus.SERVICE_UNAVAILABLE, {"status": "full"})


class Slow:
    """Counters that wait until `go` is set."""

    def __init__(self) -> None:
        self.go: Final = threading.Event()
        self.inside = self.most_inside = 0
        self.in_loop = 0
        self._lock: Final = threading.Lock()
        self._main: Final = threading.get_ident()

    def __call__(self, *, clients: bool = True) -> Stats:
        """Wait, in a thread, if viewers are asked for."""
        if threading.get_ident() == self._main:
            assert not clients
            self.in_loop += 1
            return STATS
        with self._lock:
            self.inside += 1
            self.most_inside = max(self.most_inside, self.inside)
        assert self.go.wait(20)
        with self._lock:
            self.inside -= 1
        return STATS


@pytest.mark.anyio
async def test_large_answers_are_made_one_at_a_time_beside_the_stream() -> None:
    """A hundred requests at once take one thread, and the event loop stays free."""
    slow = Slow()
    site = site_of(context(slow), PAGE)
    with anyio.fail_after(20):
        async with anyio.create_task_group() as group:
            for path in ("/metrics", "/api/stats") * 10:
                group.start_soon(site.answer, visit(path))
            await until(lambda: slow.inside)
            for path in ("/livez", "/readyz", "/healthz", "/api/session"):
                await site.answer(visit(path))
            assert slow.in_loop == 2
            slow.go.set()
    assert (slow.most_inside, slow.inside) == (1, 0)


@pytest.mark.parametrize("state", ["running", "starting", "failed", "ended", "stopped"])
def test_a_sink_that_does_not_run_is_named(state: str) -> None:
    """With its state, restarts and last error. A source that has ended is no fault."""
    recorder = replace(RECORDER, state=state, restarts=3, last_error="OSError: full")
    reply = health(replace(STATS, sinks=(BROWSER, recorder)))
    if state == "running":
        assert (reply.status, json.loads(reply.body)) == (200, {"status": "ok"})
    else:
        about = {"state": state, "restarts": 3, "last_error": "OSError: full"}
        assert reply.status == 503
        assert json.loads(reply.body) == {"status": "failing", "sinks": {"rec": about}}


def test_everything_is_all_that_stats_have() -> None:
    """Every viewer included, and what the process costs."""
    counters = Counters()
    facts = json.loads(json.dumps(everything(context(counters)), allow_nan=False))
    assert stats_of(facts["stats"]) == STATS
    assert counters.with_clients == [True]
    assert (facts["beats"], facts["profile"], facts["sink"]) == (version("beats"), "studio", "browser")
    assert facts["process"]["pid"] == os.getpid()
    assert facts["uptime_s"] > 0
    assert "uptime_s" not in facts["process"]


def test_a_session_tells_what_the_viewer_may_do() -> None:
    """The commands of the wire, those of running sources and sinks, the emojis, and the server's time.

    Each page asks for it repeatedly, so it asks no sink for its viewers.
    """
    counters, clock = Counters(), SystemClock()
    before_ns = clock.unix_ns()
    facts = session(replace(context(STATS, "seek", "record"), stats=counters), Rights(steer=False), PAGE)
    facts = json.loads(json.dumps(facts, allow_nan=False))
    assert facts["rights"] == {"steer": False}
    assert facts["commands"] == ["browse", "emoji_update", "seek", "record"]
    assert facts["emojis"] == ["heart"]
    assert before_ns <= facts["time_unix_ns"] <= clock.unix_ns()
    assert counters.with_clients == [False]
    assert "stats" not in facts


def test_a_session_tells_about_playing_sources_recorders_and_failures() -> None:
    """By name; other sources and sinks are left out."""
    figures = (("recording", 1.0), ("free_bytes", 5.0))
    recorder = replace(BROWSER, name="rec", state="failed", figures=figures)
    facts = session(context(replace(STATS, sinks=(BROWSER, recorder))), STEER, PAGE)
    assert facts["playback"] == {
        "tape": {
            "position_s": 1.5,
            "duration_s": 60.0,
            "speed": "max",
            "paused": True,
            "loops": 3,
            "start_unix_ns": 0,
        }
    }
    assert facts["recorders"] == {"rec": dict(figures)}
    assert facts["failed"] == ["rec"]
