"""Settings are edited at random, well and badly, while a program publishes: it all adds up."""

import json
import random
import tempfile
import threading
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from beats.app import Stream
from beats.config.errors import SettingsError
from beats.kernel.errors import QueueFull
from beats.kernel.testing import open_files
from tests.support import TIMEOUT_S, is_exact
from tests.support.drawing import draws

NAMES: Final = ("a", "b", "c")
EXAMPLES: Final = draws(50)
EDITS: Final = 25
BROKEN: Final = (
    "[sinks.a\n",
    '[sinks.a]\ntype = "nul"\n',
    '[sinks.a]\ntype = "null"\nqueue = { size = 0 }\n',
    "[sinks.lost]\nport = 1\n",
    "[kernel]\nmax_topics = true\n",
)
QUEUES: Final = st.sampled_from(
    [
        {},
        {"size": 3},
        {"size": 50, "overflow": "drop_newest"},
        {"overflow": "latest"},
        {"size": 9, "frame": {"size": 2, "overflow": "latest"}},
        {"size": 4, "overflow": "block", "block_timeout_s": 0.05},
        {"max_bytes": 2000},
    ]
)
Table = dict[str, Any]


def toml(value: object) -> str:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        return "{ " + ", ".join(f"{key} = {toml(item)}" for key, item in table.items()) + " }"
    return json.dumps(value)


class Publishing:
    """A thread that publishes until it is told to stop; it minds no refusal."""

    def __init__(self, stream: Stream) -> None:
        self.published = 0
        self._stream: Final = stream
        self._end: Final = threading.Event()
        self._thread: Final = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        self._end.set()
        self._thread.join(TIMEOUT_S)

    def _run(self) -> None:
        chance = random.Random(1)
        while not self._end.wait(0.0005):
            with suppress(QueueFull):  # a full `block` queue says so
                self._stream.publish_peripheral(f"knob-{chance.randrange(5)}", "x" * chance.randrange(300))
            self.published += 1


class Edits(RuleBasedStateMachine):
    """A profile's file, a stream that runs by it, and what should be running."""

    count = 0
    """Edits of all examples."""

    @initialize()
    def begin(self) -> None:
        self.before = set(threading.enumerate()), open_files()
        self.folder = Path(tempfile.mkdtemp())
        self.sinks: dict[str, Table] = {}
        self.kernel: Table = {}
        self.recorded = 0
        self._write()
        self.opening = Stream.open("default", config_dir=self.folder)
        self.stream = self.opening.__enter__()
        self.publishing = Publishing(self.stream)

    @rule(name=st.sampled_from(NAMES), kind=st.sampled_from(["null", "recorder", "websocket"]), queue=QUEUES)
    def set_sink(self, name: str, kind: str, queue: Table) -> None:
        """A new sink, one of another type, or one that is replaced."""
        own: Table = {"port": 0, "host": "127.0.0.1"} if kind == "websocket" else {}
        if kind == "recorder":
            self.recorded += 1
            path = str(self.folder / f"{name}-{self.recorded}-{{part}}.mcap")
            own = {"path": path, "min_free_bytes": 0, "fsync": "never"}
        self.sinks[name] = {"type": kind, "queue": queue, **own}
        self._reload()

    @precondition(lambda self: self.sinks)
    @rule(data=st.data(), queue=QUEUES)
    def set_queue(self, data: st.DataObject, queue: Table) -> None:
        """Other bounds, in place."""
        self.sinks[data.draw(st.sampled_from(sorted(self.sinks)))]["queue"] = queue
        self._reload()

    @precondition(lambda self: self.sinks)
    @rule(data=st.data())
    def remove_sink(self, data: st.DataObject) -> None:
        """One sink less."""
        del self.sinks[data.draw(st.sampled_from(sorted(self.sinks)))]
        self._reload()

    @rule(topics=st.integers(100, 200))
    def set_kernel(self, topics: int) -> None:
        """Other settings of the kernel."""
        self.kernel["max_topics"] = topics
        self._reload()

    @rule(text=st.sampled_from(BROKEN))
    def break_file(self, text: str) -> None:
        """A file that is wrong changes nothing."""
        before = {sink.name: sink.restarts for sink in self.stream.stats().sinks}
        Edits.count += 1
        (self.folder / "default.toml").write_text(text)
        with pytest.raises(SettingsError):
            self.stream.reload()
        assert {sink.name: sink.restarts for sink in self.stream.stats().sinks} == before

    @invariant()
    def what_runs_is_what_the_last_good_file_says(self) -> None:
        stats = self.stream.stats()
        assert {sink.name for sink in stats.sinks} == set(self.sinks)
        for sink in stats.sinks:
            assert is_exact(sink.queue), sink
            assert sink.state in ("starting", "running"), sink

    def teardown(self) -> None:
        if not hasattr(self, "stream"):
            return
        self._reload()  # after a broken file
        assert self.stream.reload() == []
        self.publishing.stop()
        with Stream.open("default", config_dir=self.folder) as fresh:
            assert running(fresh) == running(self.stream)
        self.opening.__exit__(None, None, None)
        for sink in self.stream.stats().sinks:
            assert is_exact(sink.queue)
            assert sink.queue.waiting.items == 0
        threads, files = self.before
        for thread in set(threading.enumerate()) - threads:
            thread.join(TIMEOUT_S)
        assert set(threading.enumerate()) <= threads
        assert open_files() <= files

    def _write(self) -> None:
        tables = {
            "kernel": self.kernel,
            "sources.demo": {"enabled": False},
            "sinks.browser": {"enabled": False},
        }
        tables |= {f"sinks.{name}": table for name, table in self.sinks.items()}
        text = ""
        for name, table in tables.items():
            text += f"[{name}]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in table.items())
        (self.folder / "default.toml").write_text(text)

    def _reload(self) -> None:
        Edits.count += 1
        self._write()
        changes = self.stream.reload()
        assert [change for change in changes if change.error] == []


def running(stream: Stream) -> dict[str, object]:
    """What a stream runs by, as far as an operator can see it."""
    sinks = stream._kernel._sinks  # pyright: ignore[reportPrivateUsage]
    return {part.name: (type(part.sink), part.queue.bounds) for part in sinks}


@pytest.mark.timeout(180)
def test_two_hundred_edits_leave_exact_accounts_and_what_a_fresh_start_would_run() -> None:
    """No task, thread, file or port is left either, whatever the order of good and bad edits."""
    Edits.count = 0
    run_state_machine_as_test(
        Edits,
        settings=settings(
            max_examples=EXAMPLES,
            stateful_step_count=EDITS,
            deadline=None,
            derandomize=True,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
        ),
    )
    assert Edits.count >= 200, Edits.count
