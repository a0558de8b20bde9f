"""One host: reload, files, snapshots, addresses, counters. Its signals are in tests/cli/test_runner.py."""

import json
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from beats.adapters.sinks.http.sink import HttpSink
from beats.config.settings import KernelSettings
from beats.kernel.capabilities import Address, HoldsSnapshot
from beats.kernel.ports import Batches
from beats.kernel.stats import Stats
from beats.runtime import watcher as watching
from beats.runtime.host import Host
from beats.runtime.live import Change
from beats.runtime.reader import Reader
from beats.runtime.watcher import Watcher
from tests.adapters.sinks.websocket.support import fetch
from tests.support import TIMEOUT_S, quiet

pytestmark = pytest.mark.anyio

OFF = "[sources.demo]\nenabled = false\n[sinks.browser]\nenabled = false\n[sinks.void]\ntype = 'null'\n"


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def host_of(reader: Reader, **options: Any) -> Host:
    watcher = Watcher(reader)
    return Host(watcher, watcher.read(), **options)


def silent(**sinks: Any) -> Host:
    """A host of a profile without viewers."""
    return host_of(Reader(overrides=quiet(browser={"enabled": False}, **sinks)))


@asynccontextmanager
async def running(host: Host) -> AsyncGenerator[Host]:
    with anyio.fail_after(TIMEOUT_S):
        async with anyio.create_task_group() as group:

            async def run(*, task_status: Any) -> None:
                await host.run(task_status=task_status)

            await group.start(run)
            yield host
            host.stop()


def save(path: Path, text: str) -> None:
    """In one step: polls follow each other so closely here that half a file could be read."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").replace(path)


class Plain:
    """A sink that does nothing."""

    async def run(self, queue: Batches) -> None: ...


class Listening(Plain):
    """A sink that listens, or not yet."""

    def __init__(self, address: Address | None) -> None:
        self.address = address


class Holder(Plain):
    """A sink that keeps the last seconds, or could."""

    def __init__(self, name: str, *, holds: bool = True) -> None:
        self.holds_snapshot = holds
        self.path = Path(name)

    async def snapshot(self) -> Path:
        return self.path


class Empty(Holder):
    """A sink that has nothing to write yet."""

    async def snapshot(self) -> Path:
        raise LookupError("sink 'tape' has no envelopes in memory yet")


class Workers:
    """Another process of the run."""

    def __init__(self) -> None:
        self.reloads = 0

    @property
    def addresses(self) -> Mapping[str, Address]:
        return {"browser": Address("localhost", 1)}

    def stats(self, *, clients: bool = True) -> Stats:
        return Stats(7, 7, (), ())

    def reload(self) -> None:
        self.reloads += 1


def test_addresses_are_those_of_sinks_that_listen() -> None:
    """Each is a URL that a viewer can open, with an IPv6 address in brackets; other sinks have none."""
    host = silent()
    sinks = {
        "browser": Listening(Address("localhost", 8765)),
        "six": Listening(Address("::1", 1, encrypted=True)),
        "later": Listening(None),
        "null": Plain(),
    }
    for name, sink in sinks.items():
        host.kernel.add_sink(name, sink)
    urls = {name: address.url for name, address in host.addresses.items()}
    assert urls == {"browser": "ws://localhost:8765", "six": "wss://[::1]:1"}


async def test_a_host_speaks_for_its_peer() -> None:
    """Counters and addresses are those of all processes, and a reload reaches all of them."""
    host = silent()
    assert host.stats() == host.kernel.stats()
    host.peer = workers = Workers()
    assert host.stats().published == 7
    assert host.addresses == {"browser": Address("localhost", 1)}
    async with running(host):
        assert await host.reload() == [Change("workers told to reload")]
    assert workers.reloads == 1


async def test_sinks_see_the_counters_of_all_processes() -> None:
    """The sink `http` of a parent tells about the viewers of its workers."""
    host = silent(health={"type": "http", "host": "127.0.0.1", "port": 0})
    host.peer = Workers()
    async with running(host):
        sink = host.kernel.sinks["health"]
        assert isinstance(sink, HttpSink)
        assert sink.port is not None
        answer = await fetch(sink.port, "/api/stats")
    assert json.loads(answer.text)["stats"]["published"] == 7


async def test_a_reload_says_what_was_done(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Changes, that there were none, or everything that is wrong with the settings."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "default.toml"
    file.write_text(OFF)
    async with running(host_of(Reader(None, tmp_path))) as host:
        assert await host.try_reload() == {"changed": [], "failed": {}}
        assert "settings reloaded: no changes" in caplog.text
        file.write_text(OFF + "[sinks.more]\ntype = 'null'\n")
        assert await host.try_reload() == {"changed": ["sink 'more' added"], "failed": {}}
        file.write_text(OFF + "[sinks.more]\ntype = 'nul'\n[kernel]\nmax_topics = 0\n")
        refused = str((await host.try_reload())["refused"])
        assert "sinks.more.type" in refused
        assert "kernel.max_topics" in refused
        assert set(host.kernel.sinks) == {"void", "more"}
    assert "invalid settings: keeping the current ones" in caplog.text


async def test_changes_are_made_one_call_at_a_time() -> None:
    """Concurrent calls do not change the same sinks; the settings of the last call hold."""
    async with running(silent()) as host:
        async with anyio.create_task_group() as group:
            for bound in (1, 2, 3):
                group.start_soon(host.apply, {"sinks": {"a": {"type": "null", "queue": {"size": bound}}}})
        assert host.profile.sinks["a"].queue.size == 3


async def test_the_log_is_set_up_again_when_its_settings_change() -> None:
    """And only then."""
    seen: list[tuple[str, str]] = []

    def set_log(settings: KernelSettings) -> None:
        seen.append((settings.log_level, settings.log_format))

    reader = Reader(overrides=quiet(browser={"enabled": False}))
    async with running(host_of(reader, set_log=set_log)) as host:
        await host.apply({"kernel": {"max_topics": 7}})
        assert seen == []
        await host.apply({"kernel": {"log_level": "ERROR"}})
        await host.apply({"kernel": {"log_format": "json"}})
    assert seen == [("ERROR", "human"), ("ERROR", "json")]


async def test_files_are_watched_while_the_settings_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the reload that switches it on to the change that switches it off."""
    monkeypatch.setattr(watching, "LOOK_S", 0.01)
    monkeypatch.setattr(watching, "IDLE_S", 0.01)
    file = tmp_path / "default.toml"
    file.write_text(OFF)
    async with running(host_of(Reader(None, tmp_path))) as host:
        save(file, OFF + "[kernel]\nwatch = true\n")
        await host.reload()
        save(file, OFF + "[sinks.more]\ntype = 'null'\n[kernel]\nwatch = true\n")
        while "more" not in host.kernel.sinks:  # noqa: ASYNC110 - nothing tells of it
            await anyio.sleep(0.01)
        save(file, OFF)
        while "more" in host.kernel.sinks:  # noqa: ASYNC110 - as above
            await anyio.sleep(0.01)


async def test_every_sink_that_keeps_something_writes_a_snapshot() -> None:
    """Sinks that cannot, or are not set up to, are not asked."""
    host = silent()
    spare = Holder("c", holds=False)
    assert isinstance(spare, HoldsSnapshot)
    for name, sink in {"plain": Plain(), "tape": Holder("a"), "next": Holder("b"), "spare": spare}.items():
        host.kernel.add_sink(name, sink)
    assert await host.snapshot() == {"tape": Path("a"), "next": Path("b")}


@pytest.mark.parametrize("sink", [None, Plain(), Holder("c", holds=False)])
async def test_without_a_sink_that_keeps_something_the_error_says_what_to_set(sink: Plain | None) -> None:
    """It is a setting of the recorder."""
    host = silent()
    if sink is not None:
        host.kernel.add_sink("sink", sink)
    with pytest.raises(LookupError, match="set snapshot_s, in seconds, on a sink of type recorder"):
        await host.snapshot()


async def test_a_snapshot_that_fails_raises_the_sink_s_error() -> None:
    """It says which sink and why."""
    host = silent()
    host.kernel.add_sink("tape", Empty("a"))
    with pytest.raises(LookupError, match="'tape' has no envelopes in memory yet"):
        await host.snapshot()
