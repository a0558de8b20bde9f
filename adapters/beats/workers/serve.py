"""One worker: serves viewers, and knows of everything else by its link to the parent."""

import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio import from_thread, to_thread
from anyio.abc import TaskStatus

from beats.config.errors import SettingsError
from beats.config.settings import ProfileSettings
from beats.kernel.capabilities import CommandCheck, Listens
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Stats
from beats.kit.process import name_process
from beats.kit.stats_json import plain, stats_of
from beats.runtime.live import LiveProfile
from beats.runtime.view import RuntimeView
from beats.workers.link import Link, Message
from beats.workers.merge import aged, totals_only
from beats.workers.split import Relay, Share, worker_profile

_log: Final = logging.getLogger(__name__)
_FULL_S: Final = 5.0
"""How long to wait for the counters of all workers before those that are known must do."""


class Worker:
    """Lives in the event loop of its process."""

    def __init__(self, link: Link, share: Share, read: Callable[[], ProfileSettings]) -> None:
        """Prepare to serve viewers.

        Args:
            link: to the parent.
            share: what the parent told.
            read: reads the whole profile, now and whenever it is told to again.
        """
        self._link: Final = link
        self._share: Final = share
        self._read: Final = read
        self._commands: Final[dict[str, CommandCheck]] = {}
        self._known = Stats(0, 0, (), ())
        """The counters of everything, without single clients, as the parent last told them."""
        self._known_s = 0.0
        self._asked: Final[dict[int, tuple[anyio.Event, list[Stats]]]] = {}
        self._number = 0

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Serve until the parent says so in one of its messages, or is gone."""
        outside = RuntimeView(self._pass_on, self._commands, self._stats)
        try:
            profile = LiveProfile(worker_profile(self._read(), self._share), outside)
        except (SettingsError, StartError) as error:
            self._link.send("failed", error=str(error))
            return
        failure: StartError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._obey, messages, profile)
            try:
                await profile.kernel.run(task_status=_OnAir(lambda: self._tell_ready(profile.kernel)))
            except StartError as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            self._link.send("failed", error=str(failure))
        else:
            self._link.send("ended", stats=plain(profile.kernel.stats()))

    async def _obey(self, messages: AsyncIterator[Message], profile: LiveProfile) -> None:
        async for message in messages:
            kind = message["kind"]
            if kind == "summary":
                self._learn(message)
            elif kind == "ask":
                stats = await to_thread.run_sync(profile.kernel.stats)
                stats = stats if message["clients"] else totals_only(stats)
                self._link.send("stats", number=message["number"], stats=plain(stats))
            elif kind == "stats":
                self._answered(message)
            elif kind == "reload":
                await self._reload(profile)
            elif kind == "stop":
                break
        profile.kernel.stop()  # also when the parent is gone

    def _tell_ready(self, kernel: Kernel) -> None:
        listening = {
            name: sink.address
            for name, sink in kernel.sinks.items()
            if isinstance(sink, Listens) and sink.address is not None
        }
        self._link.send("ready", addresses=listening)

    def _learn(self, message: Message) -> None:
        self._known, self._known_s = stats_of(message["stats"]), anyio.current_time()
        self._commands.update(dict.fromkeys(message["commands"], _as_it_is))
        for name in self._commands.keys() - set(message["commands"]):
            del self._commands[name]

    def _answered(self, message: Message) -> None:
        if (waiting := self._asked.get(message["number"])) is not None:
            waiting[1].append(stats_of(message["stats"]))
            waiting[0].set()

    def _pass_on(self, control: Control) -> None:
        client = list(control.client)
        if not self._link.send(
            "control", command=control.command, fields=dict(control.fields), client=client
        ):
            _log.warning("a client's command %r is lost: the main process takes none", control.command)

    def _stats(self, *, clients: bool = True) -> Stats:
        """The counters of everything: as they were last told, or from a thread asked for anew."""
        if clients:
            with suppress(RuntimeError):  # in the event loop's own thread, which must not wait
                return from_thread.run(self._ask)
        return aged(self._known, anyio.current_time() - self._known_s)

    async def _ask(self) -> Stats:
        self._number += 1
        number, event, answers = self._number, anyio.Event(), list[Stats]()
        self._asked[number] = (event, answers)
        try:
            self._link.send("ask", number=number)
            with anyio.move_on_after(_FULL_S):
                await event.wait()
        finally:
            del self._asked[number]
        return answers[0] if answers else self._known

    async def _reload(self, profile: LiveProfile) -> None:
        try:
            settings = await to_thread.run_sync(self._read)
        except SettingsError as error:  # the parent has read the same files a moment before
            _log.error("the settings are wrong, and those from before go on:\n%s", error)
        else:
            await profile.apply(worker_profile(settings, self._share))


class _OnAir(TaskStatus[None]):
    """Calls something when the kernel is on air."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then: Final = then

    def started(self, value: None = None) -> None:
        self._then()


def _as_it_is(fields: Mapping[str, Any]) -> Mapping[str, object]:
    """The fields of a command that the parent checks."""
    return {name: value for name, value in fields.items() if name not in ("kind", "command")}


async def serve(fd: int, begin: Callable[[Mapping[str, Any]], Callable[[], ProfileSettings]]) -> None:
    """Be a worker of the parent at the other end of a socket, until it says so or is gone.

    Args:
        fd: the socket.
        begin: makes what reads the settings, of what the parent tells of them.
    """
    link = await Link.over(socket.socket(fileno=fd))
    messages = link.messages()
    try:
        start = await anext(messages, None)
        if start is not None:  # else the parent has ended meanwhile
            name_process(f"worker {start['number']}")
            share = Share(Relay(*start["relay"]), start["ports"], start["workers"], start["settings"])
            await Worker(link, share, begin(share.settings)).run(messages)
            await link.flush()
    finally:
        link.close()
