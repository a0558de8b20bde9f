"""Playback control: a client steers the recording that is replayed, and is told where it is."""

from math import inf
from typing import Final, NamedTuple

import anyio

from beats.adapters.sinks.websocket.foxglove.messages import (
    InvalidMessage,
    PlaybackRequest,
    PlaybackState,
    PlaybackStatus,
)
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.ports import Context
from beats.kernel.stats import Playback, SourceStats

_POLL_S: Final = 0.25
_WAIT_S: Final = 0.01
_PATIENCE_S: Final = 2.0
"""How long a request may take to show its effect, before the state is told as it is."""
_SLACK_S: Final = 0.5
"""How far it may seem to have played meanwhile, besides what the speed allows."""
_PLAYS: Final = {"starting", "running", "failed"}
_COMMANDS: Final = {"replay_pause", "replay_speed", "replay_seek"}


class _Asked(NamedTuple):
    """A request that was passed on."""

    request: PlaybackRequest
    speed: float
    asked_s: float


def playing(context: Context) -> tuple[SourceStats, Playback] | None:
    """The first source that plays something of a known time."""
    for source in context.stats(clients=False).sources:
        if source.playback is not None and source.playback.start_unix_ns:
            return source, source.playback
    return None


def begins(context: Context) -> bool:
    """Whether a replay has not found its recordings yet."""
    return context.commands.keys() >= _COMMANDS and playing(context) is None


def plays_alone(context: Context) -> bool:
    """Whether every source plays a recording: then messages have the times at which they were recorded."""
    sources = context.stats(clients=False).sources
    return bool(sources) and all(source.playback is not None for source in sources)


def unix_ns(playback: Playback) -> int:
    """The time of the recording."""
    return playback.start_unix_ns + round(playback.position_s * 1e9)


class Player:
    """What is played, as one client sees it. Requests become commands, which others may give as well."""

    def __init__(self, context: Context, identity: ClientIdentity) -> None:
        self._context: Final = context
        self._identity: Final = identity
        self._asked: _Asked | None = None
        self._woken = anyio.Event()
        self._told: tuple[PlaybackStatus, float] | None = None
        self._position_s = 0.0
        self._loops = 0

    def ask(self, request: PlaybackRequest) -> PlaybackState | None:
        """Pass on a request; returns the answer to the one before, if that was not given yet.

        Raises:
            InvalidMessage: the request is not possible, and nothing is done.
        """
        found, commands = playing(self._context), self._context.commands
        if found is None or found[0].state not in _PLAYS or not commands.keys() >= _COMMANDS:
            raise InvalidMessage("nothing is replayed any more")
        playback = found[1]
        speed = float(f"{request.speed:.6g}")  # 1.1, of which 32 bits make 1.10000002
        wanted: dict[str, dict[str, object]] = {}
        if speed != playback.speed:
            wanted["replay_speed"] = {"speed": "max" if speed == inf else speed}
        if request.paused != playback.paused:
            wanted["replay_pause"] = {"paused": request.paused}
        if request.seek_unix_ns is not None:
            wanted["replay_seek"] = {"position_s": _position_s(request.seek_unix_ns, playback)}
        try:
            checked = {name: commands[name](fields) for name, fields in wanted.items()}
        except ValueError as error:
            raise InvalidMessage(str(error)) from None
        overtaken = self._asked
        self._asked = _Asked(request, speed, anyio.current_time())
        for name, fields in checked.items():
            self._context.control(Control(name, fields, self._identity))
        self._woken.set()
        return None if overtaken is None else self._answer(overtaken, *found)

    async def next_state(self) -> PlaybackState:
        """Wait until a request is answered, or the state has changed for another reason."""
        while True:
            found = playing(self._context)
            if found is not None:
                state = self._state(*found)
                if (asked := self._asked) is not None:
                    waited_s = anyio.current_time() - asked.asked_s
                    if _is_done(asked, found[1], waited_s) or waited_s >= _PATIENCE_S:
                        self._asked = None
                        return self._answer(asked, *found)
                elif state.jumped or (state.status, state.speed) != self._told:
                    return self._tell(state)
            with anyio.move_on_after(_POLL_S if self._asked is None else _WAIT_S):
                self._woken = anyio.Event()
                await self._woken.wait()

    def _answer(self, asked: _Asked, source: SourceStats, playback: Playback) -> PlaybackState:
        state, request = self._tell(self._state(source, playback)), asked.request
        return state._replace(jumped=request.seek_unix_ns is not None, request_id=request.request_id)

    def _tell(self, state: PlaybackState) -> PlaybackState:
        self._told = state.status, state.speed
        return state

    def _state(self, source: SourceStats, playback: Playback) -> PlaybackState:
        status = PlaybackStatus.PAUSED if playback.paused else PlaybackStatus.PLAYING
        if source.state not in _PLAYS:
            status = PlaybackStatus.ENDED
        jumped = playback.position_s < self._position_s or playback.loops != self._loops
        self._position_s, self._loops = playback.position_s, playback.loops
        return PlaybackState(status, unix_ns(playback), playback.speed, jumped)


def _is_done(asked: _Asked, playback: Playback, waited_s: float) -> bool:
    """Whether the effect of a request shows."""
    request = asked.request
    if request.paused != playback.paused or asked.speed != playback.speed:
        return False
    if request.seek_unix_ns is None:
        return True
    played_s = 1e-6 if playback.paused else _SLACK_S + waited_s * playback.speed
    beyond_s = playback.position_s - _position_s(request.seek_unix_ns, playback)
    return -1e-6 <= beyond_s <= played_s


def _position_s(unix_ns: int, playback: Playback) -> float:
    """The place of a time, or the nearest there is."""
    return min(max(0.0, (unix_ns - playback.start_unix_ns) / 1e9), playback.duration_s)
