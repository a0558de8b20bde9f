"""Plain HTTP beside the stream of a whole run, asked with the client of the standard library."""

import http.client
from contextlib import closing
from pathlib import Path
from typing import Final

from beats.kernel.stats import Stats
from beats.kit.stats_json import stats_of
from tests.adapters.http.metrics.lint import Samples, faults, openmetrics, plain
from tests.support import (
    PORT_0,
    STUCK_SINK,
    TIMEOUT_S,
    Answer,
    Program,
    asked,
    beats,
    install_adapter,
    ran,
    until,
    watching,
)

TAPE: Final = ("--set", "sinks.tape.type=recorder", "--set", "sinks.tape.min_free_bytes=0")


def until_status(program: Program, path: str, status: int) -> Answer:
    """Ask again and again, until it is answered with this; the test's own time limit bounds it."""
    while (answer := program.fetch(path)).status != status:
        pass
    return answer


def stats(program: Program) -> Stats:
    return stats_of(program.fetch("/api/stats").json["stats"])


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
                assert program.fetch(path).status == 200
            before = stats(program)
            accept = "application/openmetrics-text"
            answers = [program.fetch("/metrics"), program.fetch("/metrics", Accept=accept)]
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
            health = until_status(program, "/healthz", 503).json
            assert health["status"] == "failing"
            assert list(health["sinks"]) == ["wire"]
            assert health["sinks"]["wire"]["last_error"] == "OSError: the cable is out"
            assert program.fetch("/livez").status == program.fetch("/readyz").status == 200
            told = Samples(plain(program.fetch("/metrics").text))
            assert told.sum("beats_sink_state", sink="wire") == 1
            assert told.sum("beats_sink_dropped_envelopes_total", sink="wire", reason="failed") >= 1
            assert "cable" not in program.fetch("/metrics").text
            assert program.fetch("/api/session").json["failed"] in ([], ["wire"])  # it is tried again
            viewer.take(20)
        program.interrupt()
        assert program.leaves_nothing()


def test_a_machine_that_only_records_shows_what_it_records(tmp_path: Path) -> None:
    """To players and health checks, by the sink `http`; the recording has what they saw."""
    sets = ("--set", "sinks.health.type=http", "--set", "sinks.health.port=0")
    with beats("record", "--profile", "record", *sets, "--out", "a.mcap", cwd=tmp_path) as program:
        port = program.err.wait_for(r"sink 'health': listening on \S+ port (\d+)")[1]
        until(lambda: fetched(port, "/frame.jpg", "HEAD").status == 200)
        with closing(http.client.HTTPConnection("localhost", int(port), timeout=TIMEOUT_S)) as player:
            player.request("GET", "/stream.mjpg")
            with player.getresponse() as answer:
                until(lambda: answer.readline() == b"Content-Type: image/jpeg\r\n")
                told = Samples(plain(fetched(port, "/metrics").text))
                assert told.value("beats_connected_clients", sink="health", client_class="mjpeg") == 1
                assert program.interrupt() == 0
                assert answer.read().endswith(b"\r\n--beats--")
    assert ran("info", "a.mcap", cwd=tmp_path)[0] == 0


def fetched(port: str, path: str, method: str = "GET") -> Answer:
    return asked(http.client.HTTPConnection("localhost", int(port), timeout=TIMEOUT_S), path, method)
