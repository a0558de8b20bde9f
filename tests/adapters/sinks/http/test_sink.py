"""The HTTP sink: what the WebSocket sink answers to plain requests, over real sockets, without a stream."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from beats.adapters.sinks.http import HttpSettings
from beats.adapters.sinks.http.sink import HttpSink
from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Peripheral
from beats.kernel.ports import Context
from beats.kernel.resources import Input, Port
from beats.kernel.run.kernel import Kernel
from beats.kit.bounds import queue_bounds
from beats.proto.codec import StreamCodec
from tests.adapters.http.metrics.lint import faults, plain
from tests.adapters.http.test_tls import make_certificate, trusting
from tests.adapters.sinks.websocket.support import RawClient, fetch, until, warnings

pytestmark = pytest.mark.anyio

DOCUMENTS = ("/livez", "/readyz", "/healthz", "/metrics", "/api/last", "/api/stats", "/api/session")


class Running(NamedTuple):
    """A kernel with one HTTP sink."""

    kernel: Kernel
    sink: HttpSink
    port: int

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        """Status and body of an answer."""
        answer = await fetch(self.port, path, method, **headers)
        return answer.status, answer.text


def settings(**changes: Any) -> HttpSettings:
    return HttpSettings.model_validate({"type": "http", "host": "127.0.0.1", "port": 0, **changes})


@asynccontextmanager
async def on_air(config: HttpSettings | None = None) -> AsyncGenerator[Running]:
    """Run a kernel with a sink called `health` while the block lasts."""
    config = config or settings()
    kernel = Kernel(StreamCodec())
    context = Context("health", "record", SystemClock(), kernel.bus.send_control, stats=kernel.stats)
    sink = HttpSink(config, context)
    kernel.add_sink("health", sink, queue_bounds(config.queue))
    with anyio.fail_after(30):
        async with anyio.create_task_group() as group:
            await group.start(kernel.run)
            assert sink.port is not None
            yield Running(kernel, sink, sink.port)
            kernel.stop()


async def test_health_metrics_and_counters_are_answered() -> None:
    """By the same paths as on the port of viewers; the root lists them, and nothing else is there."""
    async with on_air() as running:
        running.kernel.publisher.publish(Peripheral("knob", 1))
        await until(lambda: running.kernel.stats().sinks[0].queue.taken.items == 1)
        answers = {path: await running.get(path) for path in DOCUMENTS}
        assert {status for status, _ in answers.values()} == {200}
        assert faults(plain(answers["/metrics"][1])) == []
        assert 'beats_sink_delivered_envelopes_total{sink="health"} 1.0' in answers["/metrics"][1]
        assert json.loads(answers["/api/stats"][1])["stats"]["sinks"][0]["state"] == "running"
        assert json.loads(answers["/api/session"][1])["rights"] == {"steer": False}
        status, index = await running.get("/")
        assert (status, all(path in index for path in DOCUMENTS)) == (200, True)
        assert (await running.get("/page/x/page.js"))[0] == 404
        assert (await running.get("/livez", "HEAD")) == (200, "")
        assert (await running.get("/livez", "POST"))[0] == 405
        with pytest.raises(InvalidStatus) as caught:
            await connect(f"ws://127.0.0.1:{running.port}")
        assert (caught.value.response.status_code, b"no WebSocket stream" in caught.value.response.body) == (
            200,
            True,
        )


async def test_a_token_is_asked_for_where_there_is_one(tmp_path: Path) -> None:
    """For every document, in a header or the query; wrong ones are counted. The index needs none."""
    file = tmp_path / "token"
    file.write_text("secret\n")
    async with on_air(settings(token_file=file)) as running:
        for path in DOCUMENTS:
            assert (await running.get(path))[0] == 401
            assert (await running.get(path, Authorization="Bearer secret"))[0] == 200
            assert (await running.get(f"{path}?token=secret"))[0] == 200
        assert (await running.get("/"))[0] == 200
        assert (await running.get("/livez", Authorization="Bearer wrong"))[0] == 401
        assert running.sink.client_totals().rejected_tokens == 1
        running.sink.adjust(settings(token="other"))
        assert (await running.get("/livez", Authorization="Bearer secret"))[0] == 401
        assert (await running.get("/livez", Authorization="Bearer other"))[0] == 200


async def test_foreign_pages_and_rebound_names_are_refused() -> None:
    """As on the port of viewers."""
    async with on_air(settings(origins=("https://grafana.example",))) as running:
        assert (await running.get("/metrics", Origin="https://grafana.example"))[0] == 200
        assert (await running.get("/metrics", Origin="https://evil.example"))[0] == 403
        assert (await running.get("/metrics", Host="evil.example"))[0] == 421


async def test_answers_are_encrypted_with_a_certificate(tmp_path: Path) -> None:
    """The client checks it."""
    cert, key = make_certificate(tmp_path, "one")
    async with on_air(settings(tls_cert=cert, tls_key=key)) as running:
        assert (await fetch(running.port, "/livez", "GET", "127.0.0.1", trusting(cert))).status == 200


async def test_idle_connections_and_long_requests_are_bounded() -> None:
    """By the same limits as on the port of viewers; connections that ended are forgotten."""
    async with on_air(settings(max_handshakes=4, max_header_bytes=1024, handshake_timeout_s=2)) as running:
        idle = [RawClient(running.port, handshake=False) for _ in range(20)]
        assert (await running.get("/livez"))[0] == 200
        assert (await running.get("/livez?" + "x" * 1024))[0] == 431
        everyone = running.sink._everyone  # pyright: ignore[reportPrivateUsage]
        for client in idle:
            client.close()
        await until(lambda: not everyone)


async def test_a_wildcard_address_without_a_token_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """Anyone who can reach the machine could read."""
    async with on_air(settings(host="0.0.0.0")):
        pass
    [warning] = warnings(caplog)
    assert "anyone who can reach this machine can watch: set sinks.health.token" in warning


def test_it_needs_its_port_and_files() -> None:
    """And connections for players and for requests."""
    resources = HttpSettings(type="http", token_file=Path("a")).resources("record")
    assert resources.ports == (Port("port", "localhost", 8766),)
    assert resources.inputs == (Input("token_file", Path("a")),)
    assert resources.connections == 100 + 256
