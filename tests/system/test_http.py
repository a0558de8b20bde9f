"""Plain HTTP beside the stream of a whole run, asked with somebody else's client."""

import http.client
import json
import threading
from contextlib import closing
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from beats.kernel.stats import Stats
from beats.kit.stats_json import stats_of
from tests.adapters.http.metrics.lint import Samples, faults, openmetrics, plain
from tests.support import PORT_0, STUCK_SINK, TIMEOUT_S, Program, beats, install_adapter, ran, watching

TOKEN: Final = "correct horse"
UPGRADE: Final = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}
TAPE: Final = ("--set", "sinks.tape.type=recorder", "--set", "sinks.tape.min_free_bytes=0")


class Answer:
    """What came."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        """Read it to its end."""
        self.status: Final = response.status
        self.headers: Final = response.headers
        self.text: Final = response.read().decode()

    @property
    def json(self) -> Any:
        """As a document."""
        return json.loads(self.text)


def fetch(program: Program, path: str, method: str = "GET", **headers: str) -> Answer:
    """Ask on a connection of its own."""
    connection = http.client.HTTPConnection(urlsplit(program.url).netloc, timeout=TIMEOUT_S)
    with closing(connection):
        connection.request(method, path, headers=headers)
        return Answer(connection.getresponse())


def until(program: Program, path: str, status: int) -> Answer:
    """Ask again and again, until it is answered with this; the test's own time limit bounds it."""
    while (answer := fetch(program, path)).status != status:
        pass
    return answer


def stats(program: Program) -> Stats:
    return stats_of(fetch(program, "/api/stats").json["stats"])


def between(before: Stats, told: Samples, after: Stats) -> None:
    """What was told in between is nowhere less than before, and nowhere more than after."""
    rows: list[tuple[float, float, float]] = [
        (before.published, told.sum("beats_published_envelopes_total"), after.published)
    ]
    for early, late in zip(before.sinks, after.sinks, strict=True):
        for name, field in (("offered", "offered"), ("delivered", "taken")):
            for place, unit in (("items", "envelopes"), ("bytes", "bytes")):
                value = told.value(f"beats_sink_{name}_{unit}_total", sink=early.name)
                lower, upper = (getattr(getattr(each.queue, field), place) for each in (early, late))
                rows.append((lower, value, upper))
    for early, late in zip(before.sinks[:1], after.sinks[:1], strict=True):
        assert early.client_totals is not None
        assert late.client_totals is not None
        for place, unit in (("items", "envelopes"), ("bytes", "bytes")):
            value = told.sum(f"beats_client_delivered_{unit}_total", sink=early.name)
            lower, upper = (
                getattr(each.delivered, place) for each in (early.client_totals, late.client_totals)
            )
            rows.append((lower, value, upper))
    for lower, value, upper in rows:
        assert lower <= value <= upper


def test_a_whole_run_tells_of_itself_on_the_port_that_streams(tmp_path: Path) -> None:
    """Page, health, counters and metrics, and all of them agree, beside a viewer and a recorder."""
    with beats("run", *PORT_0, *TAPE, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.take(20)
            for path in ("/", "/livez", "/readyz", "/healthz"):
                assert fetch(program, path).status == 200
            before = stats(program)
            accept = "application/openmetrics-text"
            answers = [fetch(program, "/metrics"), fetch(program, "/metrics", Accept=accept)]
            after = stats(program)
            viewer.take(20)
        assert program.interrupt() == 0
        assert "Traceback" not in program.err.text()
    for answer, parse in zip(answers, (plain, openmetrics), strict=True):
        metrics = parse(answer.text)
        assert faults(metrics) == []
        between(before, Samples(metrics), after)
    told = Samples(plain(answers[0].text))
    assert told.value("beats_connected_clients", sink="browser", client_class="full") == 1
    assert told.value("beats_sink_state", sink="tape", state="running") == 1
    assert told["process_resident_memory_bytes"] > 1_000_000
    assert told.value("beats_sink_write_latency_seconds_count", sink="browser") >= 20


def test_health_names_the_sink_that_fails_and_the_rest_goes_on(tmp_path: Path) -> None:
    """It stays alive and ready: what watches it is told what to look at, and the viewers go on."""
    code = STUCK_SINK.replace("await anyio.sleep_forever()", "raise OSError('the cable is out')")
    install_adapter(tmp_path / "installed", "sinks", "stuck", code)
    path = str(tmp_path / "installed")
    with beats("run", *PORT_0, "--set", "sinks.wire.type=stuck", cwd=tmp_path, PYTHONPATH=path) as program:
        with watching(program.url) as viewer:
            health = until(program, "/healthz", 503).json
            assert health["status"] == "failing"
            assert list(health["sinks"]) == ["wire"]
            assert health["sinks"]["wire"]["last_error"] == "OSError: the cable is out"
            assert fetch(program, "/livez").status == fetch(program, "/readyz").status == 200
            told = Samples(plain(fetch(program, "/metrics").text))
            assert told.sum("beats_sink_state", sink="wire") == 1
            assert told.sum("beats_sink_dropped_envelopes_total", sink="wire", reason="failed") >= 1
            assert "cable" not in fetch(program, "/metrics").text
            assert fetch(program, "/api/session").json["failed"] in ([], ["wire"])  # it is tried again
            viewer.take(20)
        program.interrupt()
        assert program.leaves_nothing()


def test_a_token_guards_what_tells_and_not_the_page(tmp_path: Path) -> None:
    """Nothing of the stream is told without it, or to the page of somebody else."""
    with beats("run", *PORT_0, "--set", f"sinks.browser.token={TOKEN}", cwd=tmp_path) as program:
        key = {"Authorization": f"Bearer {TOKEN}"}
        assert fetch(program, "/").status == 200
        for path in ("/metrics", "/api/stats"):
            assert fetch(program, path).status == 401
            assert fetch(program, path, Authorization="Bearer wrong").status == 401
            assert fetch(program, path, Origin="https://evil.example", **key).status == 403
            assert fetch(program, path, **key).status == 200
        assert fetch(program, "/metrics?token=correct+horse").status == 200
        assert fetch(program, "/nothing", **key).status == 404
        posted = fetch(program, "/metrics", "POST", **key)
        assert (posted.status, posted.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
        told = Samples(plain(fetch(program, "/metrics", **key).text))
        assert told.value("beats_refused_handshakes_total", sink="browser") == 0
        assert program.interrupt() == 0
    assert TOKEN not in program.out.text() + program.err.text()


def test_a_full_server_is_not_ready_and_tells_whom_it_turned_away(tmp_path: Path) -> None:
    """The one who is counted got no place; who asks for metrics needs none."""
    with beats("run", *PORT_0, "--set", "sinks.browser.max_clients=1", cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.next()
            assert fetch(program, "/readyz").status == 503
            assert fetch(program, "/livez").status == 200
            assert fetch(program, "/", **UPGRADE).status == 503
            told = Samples(plain(fetch(program, "/metrics").text))
            assert told.value("beats_refused_handshakes_total", sink="browser") == 1
            assert told.value("beats_accepted_clients_total", sink="browser") == 1
        assert until(program, "/readyz", 200).json == {"status": "ready"}
        assert program.interrupt() == 0


def test_a_sink_that_a_reload_removes_is_told_of_no_more(tmp_path: Path) -> None:
    """And one that it adds is, from its beginning, while the counters of the others go on."""
    folder = tmp_path / "config"
    folder.mkdir()
    base = "[sinks.browser]\nport = 0\n"
    spare = '[sinks.{}]\ntype = "null"\n'
    (folder / "default.toml").write_text(base + spare.format("old"))
    home = str(tmp_path / "run")
    (tmp_path / "run").mkdir(mode=0o700)
    with beats("run", cwd=tmp_path, XDG_RUNTIME_DIR=home) as program:
        with watching(program.url) as viewer:
            viewer.take(5)
            before = Samples(plain(fetch(program, "/metrics").text))
            (folder / "default.toml").write_text(base + spare.format("new"))
            code, _, err = ran("reload", cwd=tmp_path, XDG_RUNTIME_DIR=home)
            assert (code, err) == (0, "")
            viewer.take(5)
            after = Samples(plain(fetch(program, "/metrics").text))
        assert program.interrupt() == 0
    assert sinks(before) == {"browser", "old"}
    assert sinks(after) == {"browser", "new"}
    assert [gone for gone in after.risen_only_since(before) if "'old'" not in gone] == []


def sinks(told: Samples) -> set[str]:
    labels = {label for name in told.names() for each in told.each(name) for label in each}
    return {value for name, value in labels if name == "sink"}


class Asker:
    """Asks without a pause, in a thread, until the server is gone."""

    def __init__(self, program: Program, path: str) -> None:
        self.lengths: Final[list[int]] = []
        self.wrong: Final[list[str]] = []
        self.several: Final = threading.Event()
        self._program: Final = program
        self._path: Final = path
        self._thread: Final = threading.Thread(target=self._ask)
        self._thread.start()

    def end(self) -> None:
        """Wait until it has noticed."""
        self._thread.join(TIMEOUT_S)
        assert not self._thread.is_alive()

    def _ask(self) -> None:
        while True:
            try:
                answer = fetch(self._program, self._path)
            except ConnectionRefusedError:
                return
            except (OSError, http.client.HTTPException):  # cut off at the end: the next one is refused
                continue
            self.lengths.append(len(answer.text))
            if answer.status != 200:
                self.wrong.append(answer.text)
            if len(self.lengths) == 5:
                self.several.set()


def test_who_asks_without_a_pause_does_not_keep_the_end_waiting(tmp_path: Path) -> None:
    """Everyone is answered until the end, wholly, and nothing of it is in the log."""
    with beats("run", *PORT_0, cwd=tmp_path) as program:
        with watching(program.url) as viewer:
            viewer.next()
            askers = [Asker(program, path) for path in ("/metrics", "/metrics", "/api/stats", "/healthz")]
            try:
                assert all(asker.several.wait(TIMEOUT_S) for asker in askers)
                viewer.take(10)
            finally:
                code = program.interrupt()
                for asker in askers:
                    asker.end()
        assert code == 0
        assert program.leaves_nothing()
        assert not any(word in program.err.text() for word in ("ERROR", "WARNING", "Traceback"))
    assert [asker.wrong for asker in askers[:3]] == [[], [], []]
