from collections.abc import Mapping
from dataclasses import FrozenInstanceError
from pathlib import Path
from typing import Any

import pytest

from beats.kernel.clock import SystemClock
from beats.kernel.envelope import Control
from beats.kernel.ports import (
    Address,
    Batches,
    Clock,
    Codec,
    CommandCheck,
    Context,
    HoldsSnapshot,
    Listens,
    Plays,
    Publish,
    ServesClients,
    Sink,
    SinkKind,
    Source,
    SourceKind,
    TakesCommands,
)
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import ClientStats, ClientTotals, Playback
from beats.kernel.testing import FixedClock, PlainCodec, PublishRecorder
from tests.kernel.support import NO_CLIENTS, CallingSource, CollectingSink


class Viewed(CollectingSink):
    def clients(self) -> tuple[ClientStats, ...]:
        return ()

    def client_totals(self) -> ClientTotals:
        return NO_CLIENTS


class Listening(CollectingSink):
    address: Address | None = None


class Snapping(CollectingSink):
    holds_snapshot = True

    async def snapshot(self) -> Path:
        return Path("last.mcap")


class Replay(CallingSource):
    commands: Mapping[str, CommandCheck] = {"pause": dict}

    def command(self, control: Control) -> None: ...

    def playback(self) -> Playback | None: ...


async def run_nothing(publish: Publish) -> None: ...


def build_sink(settings: Any, context: Context) -> Sink:
    return CollectingSink()


def build_source(settings: Any, context: Context) -> Source:
    return CallingSource(run_nothing)


def test_our_own_parts_fulfil_the_ports() -> None:
    """What the kernel and its test parts offer fits the contracts; the type checkers hold this one."""
    clocks: list[Clock] = [SystemClock(), FixedClock()]
    codec: Codec = PlainCodec()
    batches: Batches = SinkQueue("null")
    publish: Publish = PublishRecorder()
    assert all((clocks, codec, batches, publish))


def test_a_sink_serves_clients_when_it_can_tell_of_them() -> None:
    """The kernel finds out by the two methods, not by a base class."""
    assert isinstance(Viewed(), ServesClients)
    assert not isinstance(CollectingSink(), ServesClients)


def test_a_sink_listens_when_it_can_tell_where() -> None:
    """The kernel's user asks for the address, which is None until the sink listens."""
    assert isinstance(Listening(), Listens)
    assert not isinstance(CollectingSink(), Listens)


def test_a_sink_holds_a_snapshot_when_it_can_write_one() -> None:
    """The kernel's user asks it to, whatever else the sink does."""
    assert isinstance(Snapping(), HoldsSnapshot)
    assert not isinstance(CollectingSink(), HoldsSnapshot)


def test_a_source_takes_commands_and_plays_when_it_says_so() -> None:
    """Each is a part of its own, found by its methods; a plain source has neither."""
    assert isinstance(Replay(run_nothing), TakesCommands)
    assert isinstance(Replay(run_nothing), Plays)
    assert not isinstance(CallingSource(run_nothing), TakesCommands | Plays)


def test_a_context_without_commands_and_settings_has_none() -> None:
    """Adapters look at both without asking whether they are there, and change neither."""
    context = Context("browser", "studio", FixedClock(), lambda control: None)
    for mapping in (context.commands, context.settings):
        assert dict(mapping) == {}
        with pytest.raises(TypeError):
            mapping["pause"] = None  # type: ignore[index]  # pyright: ignore[reportIndexIssue]


@pytest.mark.parametrize(
    ("declared", "field"),
    [
        (SinkKind(dict, build_sink, "Keeps all."), "build"),
        (SourceKind(dict, build_source, "Gives nothing."), "build"),
        (Context("browser", "studio", FixedClock(), lambda control: None), "name"),
    ],
    ids=["SinkKind", "SourceKind", "Context"],
)
def test_what_an_adapter_declares_and_is_told_cannot_be_changed(declared: Any, field: str) -> None:
    """A declaration is one for all kernels of a process."""
    with pytest.raises(FrozenInstanceError):
        setattr(declared, field, None)
