from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from beats.kernel.bus import Bus
from beats.kernel.clock import SystemClock
from beats.kernel.ports import Batches, Clock, Codec, Context, Publish, Sink, SinkKind, Source, SourceKind
from beats.kernel.publisher import Publisher
from beats.kernel.queue.queue import SinkQueue
from beats.kernel.run.lease import Lease
from beats.kernel.testing import FixedClock, PlainCodec, PublishRecorder
from tests.kernel.support import CallingSource, CollectingSink


async def run_nothing(publish: Publish) -> None: ...


def build_sink(settings: Any, context: Context) -> Sink:
    return CollectingSink()


def build_source(settings: Any, context: Context) -> Source:
    return CallingSource(run_nothing)


def test_our_own_parts_fulfil_the_ports() -> None:
    """What the kernel and its test components offer fits the contracts; the type checkers hold this one."""
    clocks: list[Clock] = [SystemClock(), FixedClock()]
    codec: Codec = PlainCodec()
    batches: Batches = Lease(SinkQueue("null"), Publisher(Bus(), codec, SystemClock()), lambda: None)
    publish: Publish = PublishRecorder()
    assert all((clocks, codec, batches, publish))


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
        (SinkKind(dict, build_sink, "Keeps all."), "summary"),
        (SourceKind(dict, build_source, "Gives nothing."), "summary"),
        (Context("browser", "studio", FixedClock(), lambda control: None), "name"),
    ],
    ids=["SinkKind", "SourceKind", "Context"],
)
def test_what_an_adapter_declares_and_is_told_cannot_be_changed(declared: Any, field: str) -> None:
    """A declaration is one for all kernels of a process."""
    with pytest.raises(FrozenInstanceError):
        setattr(declared, field, None)
