"""`beats replay`."""

from contextlib import aclosing
from typing import Annotated, Final

import typer
from rich.console import Group
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from beats.cli import keys
from beats.cli.common import ConfigOption, DurationOption, LogFormatOption, ProfileOption, SetOption
from beats.cli.files import (
    EndOption,
    KindsOption,
    PatternsOption,
    RecordingsArgument,
    StartOption,
    check_there,
)
from beats.cli.more import More
from beats.cli.output import EXIT_USAGE, exit_with
from beats.cli.runner import Counted, LiveLine, Show, perform
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Playback
from beats.kit import units
from beats.kit.decimals import decimal
from beats.kit.paths import why_of_another_format
from beats.runtime.reader import Reader

_NAME: Final = "replay"
_TERMINAL: Final = ClientIdentity("terminal", 0, "terminal")
_SEEK_S: Final = 5.0
_SPEEDS: Final = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0)
HELP: Final = "space pause · ← → 5 s · , . a frame · ↑ ↓ speed · q quit"


def replay(
    files: RecordingsArgument,
    speed: Annotated[str, typer.Option(help="0.1 to 100 times the recorded speed, or max.")] = "1",
    loop: Annotated[bool, typer.Option("--loop", help="Start again after the end.")] = False,
    start: StartOption = None,
    end: EndOption = None,
    kinds: KindsOption = None,
    topics: PatternsOption = None,
    profile: ProfileOption = None,
    config: ConfigOption = None,
    sets: SetOption = None,
    duration: DurationOption = None,
    log_format: LogFormatOption = None,
) -> None:
    """Play recordings back, instead of the profile's sources.

    On a terminal: space pauses, ← and → seek 5 seconds, ↑ and ↓ change the speed, comma and full stop step a
    frame, q quits.

    Examples: `beats replay show.mcap`, `beats replay recordings/ --loop`,
    `beats replay show.mcap --speed 10 --start 21:30`.
    """
    from beats.adapters.sources.replay.settings import recordings_at  # lazy: slow to import

    check_there(files)
    for file, resource in zip(files, recordings_at(files), strict=True):
        if resource.path.is_file() and (why := why_of_another_format(resource)) is not None:
            raise exit_with(f"{file} {why}", more=More.REPLAY)
    source: dict[str, object] = {"type": "replay", "path": [str(file) for file in files], "loop": loop}
    source["speed"] = _speed(speed)
    source |= {name: text for name, text in (("start", start), ("end", end)) if text is not None}
    lists = {"kinds": kinds, "topics": topics}
    source |= {name: _split(text) for name, text in lists.items() if text is not None}
    reader = Reader(profile, config, sets, {_NAME: source}, log_format=log_format)
    perform(reader, duration, Show(Progress, refresh_hz=10, beside=obey_keys))


def _split(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")]


def _speed(text: str) -> float | str:
    from beats.adapters.sources.replay.settings import LEAST_SPEED, MOST_SPEED  # lazy: slow to import

    if text == "max":
        return text
    speed = decimal(text)
    if speed is not None and LEAST_SPEED <= speed <= MOST_SPEED:
        return speed
    usage = f'give a number from {LEAST_SPEED:g} to {MOST_SPEED:g}, or "max"'
    raise exit_with(f"--speed is {text!r}: {usage}", EXIT_USAGE)


def playback_of(counted: Counted) -> Playback | None:
    """The state of the replay; None while it is unknown."""
    return next((source.playback for source in counted.stats().sources if source.playback), None)


class Progress:
    """The progress of the replay, above the status line of every run."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted
        self._line = LiveLine(counted)

    def __rich__(self) -> Group:
        """The current lines."""
        playback = playback_of(self._counted)
        if playback is None:
            return Group(self._line)
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(no_wrap=True)
        sign = "⏸" if playback.paused else "▶"
        place = f"{sign} {units.clock(playback.position_s)} / {units.clock(playback.duration_s)}"
        bar = ProgressBar(total=max(playback.duration_s, 1e-9), completed=playback.position_s)
        speed = "max" if playback.speed == float("inf") else f"×{playback.speed:g}"  # noqa: RUF001 - the sign
        loops = f" · loop {playback.loops + 1}" if playback.loops else ""
        row.add_row(place, bar, f"{speed}{loops}")
        return Group(row, Text(HELP, style="dim"), self._line)


async def obey_keys(kernel: Kernel) -> None:
    """Send pressed keys as commands, as a client would."""
    async with aclosing(keys.pressed()) as pressed:
        async for key in pressed:
            if key == "q":
                kernel.stop()
            elif (command := command_of(key, playback_of(kernel))) is not None:
                kernel.bus.send_control(command)


def command_of(key: str, playback: Playback | None) -> Control | None:
    """The command of a key; None for other keys."""
    if key == " ":
        return Control("replay_pause", {"paused": None}, _TERMINAL)
    if key in ("left", "right"):
        return Control("replay_seek", {"offset_s": _SEEK_S if key == "right" else -_SEEK_S}, _TERMINAL)
    if key in (",", "."):
        return Control("replay_seek", {"frames": 1 if key == "." else -1}, _TERMINAL)
    if key in ("up", "down") and playback is not None:
        return Control("replay_speed", {"speed": next_speed(playback.speed, up=key == "up")}, _TERMINAL)
    return None


def next_speed(speed: float, *, up: bool) -> float:
    """The next faster or slower of the usual speeds."""
    if up:
        return next((each for each in _SPEEDS if each > speed), speed)
    return next((each for each in reversed(_SPEEDS) if each < speed), _SPEEDS[0])
