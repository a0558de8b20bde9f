from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from beats.kernel.clock import SystemClock
from beats.kernel.ports import (
    Address,
    Batches,
    Clock,
    Codec,
    Context,
    Listens,
    Publish,
    ServesClients,
    Sink,
    SinkKind,
    Source,
    SourceKind,
)
from beats.kernel.queue import SinkQueue
from beats.kernel.stats import ClientStats, ClientTotals
from beats.kernel.testing import FixedClock, PlainCodec, PublishRecorder
from tests.kernel.support import NO_CLIENTS, CallingSource, CollectingSink


class Viewed(CollectingSink):
    def clients(self) -> tuple[ClientStats, ...]:
        return ()

    def client_totals(self) -> ClientTotals:
        return NO_CLIENTS


class Listening(CollectingSink):
    address: Address | None = None


def build_sink(settings: Any, context: Context) -> Sink:
    return CollectingSink()


def build_source(settings: Any, context: Context) -> Source:
    async def run(publish: Publish) -> None: ...

    return CallingSource(run)


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
