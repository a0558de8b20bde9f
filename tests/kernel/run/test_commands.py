from collections.abc import Mapping

from beats.kernel.bus import Bus
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.run.commands import Commands

CLIENT = ClientIdentity("browser", 1, "host:1")


class Steered:
    def __init__(self, *names: str) -> None:
        self.commands: Mapping[str, CommandCheck] = dict.fromkeys(names, dict)
        self.obeyed: list[str] = []

    def command(self, control: Control) -> None:
        self.obeyed.append(control.command)


def test_a_part_hears_its_own_commands_as_long_as_it_is_there() -> None:
    """Neither those of others, nor any once it was removed."""
    bus = Bus()
    commands, one, other = Commands(bus), Steered("pause", "seek"), Steered("pause")
    commands.add(1, one)
    commands.add(2, other)
    for name in ("pause", "seek", "focus"):
        bus.send_control(Control(name, {}, CLIENT))
    commands.remove(1)
    bus.send_control(Control("pause", {}, CLIENT))
    assert (one.obeyed, other.obeyed) == (["pause", "seek"], ["pause", "pause"])


def test_a_command_is_known_as_long_as_somebody_takes_it() -> None:
    """In one dictionary, which whoever looked once sees change."""
    commands = Commands(Bus())
    known = commands.known
    commands.add(1, Steered("pause", "seek"))
    commands.add(2, Steered("pause"))
    commands.remove(1)
    assert known == {"pause": dict}
    commands.remove(2)
    assert known == {}


def test_a_part_that_takes_none_is_passed_over() -> None:
    """It can be added and removed like any other."""
    commands = Commands(Bus())
    commands.add(1, object())
    commands.remove(1)
    assert commands.known == {}
