"""Alerts for Prometheus and a dashboard for Grafana, against a real Prometheus that scrapes a real Beats.

Grafana is not there: what is not seen here is how the dashboard looks.
"""

import json
import re
import shlex
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import Any, Final, NamedTuple

import pytest
import yaml

from tests.support import TIMEOUT_S, Program, clean_environment, until, watching
from tests.support.nats import free_port
from tests.support.operation import EXAMPLES, SERVICES, service

ALERTS: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((EXAMPLES / "prometheus/alerts.yml").read_text())["groups"]
    for rule in group["rules"]
]
DASHBOARD: Final[dict[str, Any]] = json.loads((EXAMPLES / "grafana/beats.json").read_text())
EVERYTHING: Final = {
    "BEATS_SINKS__BROWSER__QUEUE__SIZE": "2",
    "BEATS_SINKS__INCIDENTS__TYPE": "recorder",
    "BEATS_SINKS__INCIDENTS__PATH": "incidents-{part}.mcap",
    "BEATS_SINKS__INCIDENTS__SNAPSHOT_S": "5",
    "BEATS_SINKS__NATS__QUEUE__SIZE": "2",
    "BEATS_SINKS__WAITS__TYPE": "recorder",
    "BEATS_SINKS__WAITS__PATH": "waits-{part}.mcap",
    "BEATS_SINKS__WAITS__IDLE": "true",
    "BEATS_SOURCES__DEMO__ENABLED": "false",
    "BEATS_SOURCES__LINES__TYPE": "jsonl",
    "BEATS_SOURCES__LINES__PATH": "-",
    "BEATS_SOURCES__LINES__TRANSFORMS__EVERY": "1h",
    "BEATS_SOURCES__OTHER__TYPE": "nats",
    "BEATS_SOURCES__OTHER__STREAM": "other",
}
"""What gives the origin of compose.yaml every metric that is asked for."""
SEEN: Final = (
    r'beats_sink_dropped_envelopes_total\{.*sink="nats"',
    r'beats_client_dropped_envelopes_total\{.*reason="drop_oldest"',
    r'beats_given_up_envelopes_total\{.*reason="every"',
    r'beats_client_age_seconds_count\{client_class="full"',
    r'beats_sink_free_bytes\{sink="tape"',
    r'beats_sink_recording\{sink="tape"\} 1',
)
"""What comes with time."""
SELECTOR: Final = re.compile(r"\b(?:beats_|process_|up\b)\w*(?:\{[^}]*\})?")


class Prometheus:
    """Asks one."""

    def __init__(self, port: int) -> None:
        self.url: Final = f"http://127.0.0.1:{port}"

    def get(self, path: str) -> bytes:
        """What is at a path."""
        with urllib.request.urlopen(self.url + path, timeout=TIMEOUT_S) as answer:
            content: bytes = answer.read()
        return content

    def asked(self, expression: str) -> list[dict[str, Any]]:
        """The series that an expression gives now."""
        query = urllib.parse.urlencode({"query": expression})
        found: list[dict[str, Any]] = json.loads(self.get(f"/api/v1/query?{query}"))["data"]["result"]
        return found

    def labels(self, expression: str) -> set[str]:
        """The names of the labels that any of them has."""
        return {label for each in self.asked(expression) for label in each["metric"]}


def slowly(condition: Callable[[], object]) -> None:
    """As `until`, for what takes a second."""

    def paused() -> object:
        time.sleep(0.1)
        return condition()

    until(paused)


def reader_that_stops(port: int) -> socket.socket:
    """A viewer that reads nothing of the stream."""
    connection = socket.create_connection(("127.0.0.1", port), TIMEOUT_S)
    connection.sendall(
        b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    return connection


@pytest.fixture(scope="module")
def prometheus(tmp_path_factory: pytest.TempPathFactory) -> Generator[Prometheus]:
    """After three scrapes of an origin; both are those of compose.yaml, but for addresses and times."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed")
    folder = tmp_path_factory.mktemp("monitoring")
    with ExitStack() as stack:
        command, variables = service(
            "origin",
            BEATS_CONFIG_DIR=str(folder),
            BEATS_NATS_URL="nats://127.0.0.1:1",
            BEATS_WEBSOCKET_PORT="0",
            **EVERYTHING,
        )
        origin = Program(command, folder, clean_environment(**variables), subprocess.PIPE)
        port = stack.enter_context(origin).port
        stack.enter_context(reader_that_stops(port))
        stack.enter_context(watching(f"ws://127.0.0.1:{port}"))
        numbers = iter(range(10_000))

        def all_is_seen() -> bool:
            data = "x" * 60_000
            ids = [next(numbers) for _ in range(20)]
            origin.write(
                *(json.dumps({"id": f"sensor-{each}", "data": data}) for each in [*ids, *ids[:1] * 2])
            )
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=TIMEOUT_S) as answer:
                text = answer.read().decode()
            missing[:] = [pattern for pattern in SEEN if not re.search(pattern, text)]
            return not missing

        missing: list[str] = []
        slowly(all_is_seen)
        shutil.copytree(EXAMPLES / "prometheus", folder / "prometheus")
        settings = folder / "prometheus" / "prometheus.yml"
        text = re.sub(r"targets: \[.*\]", f'targets: ["127.0.0.1:{port}"]', settings.read_text())
        settings.write_text(text.replace("_interval: 15s", "_interval: 2s"))
        listen = free_port()
        command = shlex.split(SERVICES["prometheus"]["command"].replace("=/", f"={folder}/"))
        command = command[:1] + [each.replace(f"{folder}/etc/", f"{folder}/") for each in command]
        command = ["prometheus", *command[1:], f"--web.listen-address=127.0.0.1:{listen}"]
        scraping = stack.enter_context(Program(command, folder, clean_environment()))
        scraping.err.wait_for("Server is ready to receive web requests")
        asking = Prometheus(listen)
        slowly(
            lambda: any(
                float(each["value"][1]) >= 3 for each in asking.asked("count_over_time(beats_info[1m])")
            )
        )
        yield asking


def test_what_prometheus_is_given_passes_its_own_checks() -> None:
    """Settings and alerts are valid, and each alert comes when it should, and only then."""
    promtool = shutil.which("promtool") or pytest.skip("promtool is not installed")
    folder = EXAMPLES / "prometheus"
    for arguments in (("check", "config", "prometheus.yml"), ("test", "rules", "alerts.test.yml")):
        done = subprocess.run([promtool, *arguments], cwd=folder, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "SUCCESS" in done.stdout
    tests = yaml.safe_load((folder / "alerts.test.yml").read_text())["tests"]
    tried = {each["alertname"] for test in tests for each in test["alert_rule_test"] if each["exp_alerts"]}
    assert tried == {alert["alert"] for alert in ALERTS}


def test_prometheus_scrapes_beats_and_evaluates_the_alerts(prometheus: Prometheus) -> None:
    """It is healthy by the check of compose.yaml, and finds no fault in a rule."""
    path = SERVICES["prometheus"]["healthcheck"]["test"][-1].removeprefix("http://127.0.0.1:9090")
    assert b"Healthy" in prometheus.get(path)
    assert [each["value"][1] for each in prometheus.asked('max_over_time(up{job="beats"}[1m])')] == ["1"]

    def evaluated() -> list[dict[str, Any]]:
        groups = json.loads(prometheus.get("/api/v1/rules"))["data"]["groups"]
        return [rule for group in groups for rule in group["rules"] if rule["health"] != "unknown"]

    slowly(lambda: len(evaluated()) == len(ALERTS))
    assert [(rule["name"], rule["health"]) for rule in evaluated()] == [
        (alert["alert"], "ok") for alert in ALERTS
    ]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_what_an_alert_looks_at_is_there(prometheus: Prometheus, alert: dict[str, Any]) -> None:
    """Each metric with its labels has values, and its text names labels that they have."""
    selectors: list[str] = SELECTOR.findall(alert["expr"])
    assert selectors
    without = [selector for selector in selectors if not prometheus.asked(selector)]
    assert without == []
    grouped = re.findall(r"(?:by|on) \(([^)]*)\)", alert["expr"])
    named = set(re.findall(r"\$labels\.(\w+)", alert["annotations"]["summary"]))
    named |= {label.strip() for labels in grouped for label in labels.split(",")}
    assert named <= set().union(*map(prometheus.labels, selectors))


class Query(NamedTuple):
    """One query of the dashboard."""

    title: str
    expression: str
    legend: str


def queries() -> Iterator[Query]:
    """Those of all panels, with what Grafana puts in for its variables."""
    for panel in DASHBOARD["panels"]:
        for target in panel["targets"]:
            text: str = target["expr"]
            for name, value in {"$job": "beats", "$instance": ".+", "$__rate_interval": "1m"}.items():
                text = text.replace(name, value)
            yield Query(panel["title"], text, target["legendFormat"])


@pytest.mark.parametrize("query", list(queries()), ids=lambda query: f"{query.title}-{query.legend}")
def test_a_query_of_the_dashboard_has_a_result(prometheus: Prometheus, query: Query) -> None:
    """From a running Beats, and its legend names labels of the result. Without a filter of what is 0."""
    expression = query.expression.removesuffix(" > 0")
    assert "$" not in expression
    assert prometheus.asked(expression)
    named = set(re.findall(r"{{(\w+)}}", query.legend))
    assert named - {"process"} <= prometheus.labels(expression)  # a single process has no name


def test_the_dashboard_is_one_that_grafana_reads(prometheus: Prometheus) -> None:
    """Its variables have values, panels are numbered and do not overlap, and each says what it shows."""
    variables = {each["name"]: each for each in DASHBOARD["templating"]["list"]}
    assert variables.keys() == {"datasource", "job", "instance"}
    for name in ("job", "instance"):
        assert name in prometheus.labels("beats_info")
        assert variables[name]["definition"].startswith("label_values(beats_info")
    panels = DASHBOARD["panels"]
    assert [panel["id"] for panel in panels] == list(range(1, len(panels) + 1))
    assert all(panel["title"] and panel["description"].endswith(".") for panel in panels)
    taken: set[tuple[int, int]] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert all(x < 24 for x, _ in cells)
        taken |= cells
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources)
        assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])
    assert DASHBOARD["schemaVersion"] == 39
