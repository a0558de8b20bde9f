"""Commands of sources and sinks, from the bus's control signal to the one that takes them."""

from collections.abc import Mapping

import anyio
import pytest

from beats.kernel.bus import Bus
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.ports import Publish
from beats.kernel.queue.bounds import QueueBounds
from beats.kernel.run.commands import Commands
from beats.kernel.run.kernel import Kernel
from beats.kernel.testing import PlainCodec
from tests.kernel.support import CallingSource, CollectingSink, running

CLIENT = ClientIdentity("browser", 1, "host:1")


def as_it_is(fields: Mapping[str, object]) -> Mapping[str, object]:
    return fields


class SteeredSource:
    """Keeps the commands that reach it."""

    def __init__(self, *names: str) -> None:
        self.commands: Mapping[str, CommandCheck] = dict.fromkeys(names, as_it_is)
        self.obeyed: list[tuple[str, Mapping[str, object]]] = []

    async def run(self, publish: Publish) -> None:
        await anyio.sleep_forever()

    def command(self, control: Control) -> None:
        if control.fields.get("bad"):
            raise RuntimeError("it cannot be obeyed")
        self.obeyed.append((control.command, control.fields))


async def idle(publish: Publish) -> None: ...


def test_a_kernel_knows_the_commands_of_its_sources() -> None:
    """From the moment a source is added, with the check of their fields."""
    kernel = Kernel(PlainCodec())
    seen = kernel.commands
    kernel.add_source("replay", SteeredSource("pause", "seek"))
    kernel.add_source("camera", SteeredSource("focus"))
    assert seen == {"pause": as_it_is, "seek": as_it_is, "focus": as_it_is}


def test_a_command_reaches_the_source_that_takes_it_alone() -> None:
    """Other sources do not hear of it; a command that no source takes reaches none."""
    kernel, replay, camera = Kernel(PlainCodec()), SteeredSource("pause", "seek"), SteeredSource("focus")
    kernel.add_source("replay", replay)
    kernel.add_source("camera", camera)
    kernel.add_source("demo", CallingSource(idle))
    for control in (
        Control("seek", {"position_s": 3.0}, CLIENT),
        Control("focus", {}, CLIENT),
        Control("navigate", {"direction": 1}, CLIENT),
    ):
        kernel.bus.send_control(control)
    assert replay.obeyed == [("seek", {"position_s": 3.0})]
    assert camera.obeyed == [("focus", {})]


def test_a_source_that_raises_on_a_command_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """Its exception is logged; other sources, and the sink that sends the command, go on."""
    kernel, sources = Kernel(PlainCodec()), [SteeredSource("pause"), SteeredSource("pause")]
    for number, source in enumerate(sources):
        kernel.add_source(str(number), source)
    with caplog.at_level("ERROR"):
        kernel.bus.send_control(Control("pause", {"bad": True}, CLIENT))
        kernel.bus.send_control(Control("pause", {}, CLIENT))
    assert [source.obeyed for source in sources] == [[("pause", {})]] * 2
    assert caplog.text.count("RuntimeError: it cannot be obeyed") == 2


def test_a_source_that_was_not_added_adds_no_commands() -> None:
    """A name that is taken changes nothing."""
    kernel, refused = Kernel(PlainCodec()), SteeredSource("pause")
    kernel.add_source("replay", CallingSource(idle))
    with pytest.raises(ValueError, match="'replay'"):
        kernel.add_source("replay", refused)
    kernel.bus.send_control(Control("pause", {}, CLIENT))
    assert kernel.commands == {}
    assert refused.obeyed == []


class SteeredSink(CollectingSink):
    def __init__(self, *names: str) -> None:
        super().__init__()
        self.commands: Mapping[str, CommandCheck] = dict.fromkeys(names, as_it_is)
        self.obeyed: list[str] = []

    def command(self, control: Control) -> None:
        self.obeyed.append(control.command)


@pytest.mark.anyio
async def test_a_sink_takes_commands_too_until_it_is_replaced_or_removed() -> None:
    """From then on its successor takes them."""
    kernel, first, second = Kernel(PlainCodec()), SteeredSink("record"), SteeredSink("record", "snapshot")
    kernel.add_sink("tape", first)
    async with running(kernel):
        kernel.bus.send_control(Control("record", {}, CLIENT))
        await kernel.replace_sink("tape", second, QueueBounds(), hand_over=True)
        kernel.bus.send_control(Control("record", {}, CLIENT))
        assert set(kernel.commands) == {"record", "snapshot"}
        await kernel.remove_sink("tape")
        assert kernel.commands == {}
        kernel.bus.send_control(Control("record", {}, CLIENT))
    assert (first.obeyed, second.obeyed) == (["record"], ["record"])


def test_a_command_is_known_and_heard_as_long_as_an_adapter_takes_it() -> None:
    """Each adapter hears its own commands until its removal; one dictionary holds the known ones."""
    bus = Bus()
    commands, one, other = Commands(bus), SteeredSink("pause", "seek"), SteeredSink("pause")
    known = commands.known
    commands.add(1, one)
    commands.add(2, other)
    for name in ("pause", "seek", "focus"):
        bus.send_control(Control(name, {}, CLIENT))
    commands.remove(1)
    assert known == {"pause": as_it_is}
    bus.send_control(Control("pause", {}, CLIENT))
    commands.remove(2)
    assert known == {}
    assert (one.obeyed, other.obeyed) == (["pause", "seek"], ["pause", "pause"])
