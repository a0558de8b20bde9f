"""One worker: serves viewers, and knows of everything else by its link to the parent."""

import logging
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio import from_thread, to_thread
from anyio.abc import TaskStatus

from beats.adapters.live import LiveProfile
from beats.adapters.outside import Outside
from beats.adapters.plain import plain, stats_of
from beats.adapters.workers.link import Link, Message
from beats.adapters.workers.merge import aged
from beats.adapters.workers.split import Relay, Share, worker_profile
from beats.config.errors import SettingsError
from beats.config.settings import ProfileSettings
from beats.kernel.abilities import CommandCheck, Listens
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.stats import Stats

_log: Final = logging.getLogger(__name__)
_FULL_S: Final = 5.0
"""How long to wait for the counters of all workers before those that are known must do."""


class Worker:
    """Lives in the event loop of its process."""

    def __init__(self, link: Link, read: Callable[[], ProfileSettings]) -> None:
        """Take the link to the parent, and what reads the settings anew."""
        self._link: Final = link
        self._read: Final = read
        self._commands: Final[dict[str, CommandCheck]] = {}
        self._known = Stats(0, 0, (), ())
        """The counters of everything, without single clients, as the parent last told them."""
        self._known_s = 0.0
        self._asked: Final[dict[int, tuple[anyio.Event, list[Stats]]]] = {}
        self._number = 0
        self._share: Share | None = None
        self._profile: LiveProfile | None = None

    async def run(self) -> None:
        """Serve until the parent says so, or is gone."""
        messages = self._link.messages()
        async for first in messages:
            self._take_share(first)
            break
        if self._share is None:
            return  # the parent has ended meanwhile
        outside = Outside(self._pass_on, self._commands, self._stats)
        try:
            self._profile = LiveProfile(worker_profile(self._read(), self._share), outside)
        except (SettingsError, ImportError) as error:
            self._link.send("failed", error=str(error))
            return
        kernel = self._profile.kernel
        try:
            async with anyio.create_task_group() as group:
                group.start_soon(self._obey, messages)
                await kernel.run(task_status=_Ready(self._on_air))
                group.cancel_scope.cancel()
        except* StartError as errors:
            self._link.send("failed", error="; ".join(map(str, errors.exceptions)))
        else:
            self._link.send("ended", stats=plain(kernel.stats()))
        await self._link.flush()

    async def _obey(self, messages: Any) -> None:
        assert self._profile is not None
        async for message in messages:
            kind = message["kind"]
            if kind == "summary":
                self._learn(message)
            elif kind == "ask":
                stats = await to_thread.run_sync(self._own_stats, bool(message["clients"]))
                self._link.send("stats", number=message["number"], stats=plain(stats))
            elif kind == "stats":
                self._answered(message)
            elif kind == "reload":
                await self._reload()
            elif kind == "stop":
                break
        self._profile.kernel.stop()  # also when the parent is gone

    def _take_share(self, message: Message) -> None:
        self._share = Share(Relay(*message["relay"]), message["ports"], message["workers"])

    def _on_air(self) -> None:
        assert self._profile is not None
        listening = {
            name: list(sink.address)
            for name, sink in self._profile.kernel.sinks.items()
            if isinstance(sink, Listens) and sink.address is not None
        }
        self._link.send("ready", addresses=listening)

    def _own_stats(self, clients: bool) -> Stats:
        assert self._profile is not None
        stats = self._profile.kernel.stats()
        return stats if clients else stats._replace(sinks=tuple(s._replace(clients=()) for s in stats.sinks))

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

    async def _reload(self) -> None:
        assert self._profile is not None
        assert self._share is not None
        try:
            settings = await to_thread.run_sync(self._read)
            await self._profile.apply(worker_profile(settings, self._share))
        except SettingsError as error:  # the parent has read the same files a moment before
            _log.error("the settings are wrong, and those from before go on:\n%s", error)


class _Ready(TaskStatus[None]):
    """Tells when the kernel is on air."""

    def __init__(self, then: Callable[[], None]) -> None:
        self._then: Final = then

    def started(self, value: None = None) -> None:
        self._then()


def _as_it_is(fields: Mapping[str, Any]) -> Mapping[str, object]:
    """The fields of a command that the parent checks."""
    return {name: value for name, value in fields.items() if name not in ("kind", "command")}


def serve(fd: int, read: Callable[[], ProfileSettings]) -> None:
    """Be a worker of the parent at the other end of a socket, until it says so or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers in order
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    anyio.run(_main, fd, read, backend="asyncio")


async def _main(fd: int, read: Callable[[], ProfileSettings]) -> None:
    link = await Link.over(socket.socket(fileno=fd))
    try:
        await Worker(link, read).run()
    finally:
        link.close()
