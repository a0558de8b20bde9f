"""One worker: serves viewers, and learns everything else over its link to the parent."""

import logging
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Final

import anyio
from anyio import from_thread, to_thread

from beats.config.errors import SettingsError
from beats.config.settings import KernelSettings
from beats.kernel.capabilities import CommandCheck
from beats.kernel.envelope import Control
from beats.kernel.errors import StartError
from beats.kernel.stats import Stats
from beats.kit.process import name_process
from beats.kit.stats_json import plain, stats_of
from beats.runtime.builder import RuntimeView
from beats.runtime.host import Host, set_log_level
from beats.runtime.reader import Reader
from beats.runtime.start_errors import is_by_settings
from beats.runtime.threads import WhenStarted
from beats.runtime.watcher import Watcher
from beats.workers.link import Link, Message
from beats.workers.merge import aged, totals_only
from beats.workers.split import Relay, Share, worker_profile

_log: Final = logging.getLogger(__name__)
_FULL_S: Final = 5.0
"""Longest wait for the counters of all workers; after that the known ones are used."""


class Worker:
    """Serves viewers in the event loop of its process."""

    def __init__(
        self, link: Link, share: Share, reader: Reader, set_log: Callable[[KernelSettings], object]
    ) -> None:
        """Prepare to serve viewers.

        Args:
            link: to the parent.
            share: what the parent has told.
            reader: reads the whole profile.
            set_log: sets up the log, at the start and when its settings change.
        """
        self._link: Final = link
        self._share: Final = share
        self._reader: Final = reader
        self._set_log: Final = set_log
        self._commands: Final[dict[str, CommandCheck]] = {}
        self._known = Stats(0, 0, (), ())
        """The counters of all processes without single clients, as last received."""
        self._known_s = 0.0
        self._asked: Final[dict[int, tuple[anyio.Event, list[Stats]]]] = {}
        self._number = 0

    async def run(self, messages: AsyncIterator[Message]) -> None:
        """Serve until the parent sends `stop` or is gone."""
        watcher = Watcher(self._reader)
        view = RuntimeView(self._pass_on, self._commands, self._stats)
        try:
            settings = watcher.read()
            self._set_log(settings.kernel)
            part = partial(worker_profile, share=self._share)
            host = Host(watcher, settings, part=part, view=view, set_log=self._set_log)
        except (SettingsError, StartError) as error:
            self._fail(error)
            return
        failure: StartError | None = None
        async with anyio.create_task_group() as group:
            group.start_soon(self._obey, messages, host)
            try:
                ready = WhenStarted(lambda: self._link.send("ready", addresses=host.addresses))
                await host.run(task_status=ready)
            except StartError as error:
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            self._fail(failure)
        else:
            self._link.send("ended", stats=plain(host.stats()))

    def _fail(self, error: SettingsError | StartError) -> None:
        self._link.send("failed", error=str(error), by_settings=is_by_settings(error))

    async def _obey(self, messages: AsyncIterator[Message], host: Host) -> None:
        async for message in messages:
            kind = message["kind"]
            if kind == "summary":
                self._learn(message)
            elif kind == "ask":
                stats = await to_thread.run_sync(host.stats)
                stats = stats if message["clients"] else totals_only(stats)
                self._link.send("stats", number=message["number"], stats=plain(stats))
            elif kind == "stats":
                self._answered(message)
            elif kind == "reload":
                await host.try_reload()
            elif kind == "stop":
                break
        host.stop()  # also when the parent is gone

    def _learn(self, message: Message) -> None:
        self._known, self._known_s = stats_of(message["stats"]), anyio.current_time()
        self._commands.update(dict.fromkeys(message["commands"], _unchecked))
        for name in self._commands.keys() - set(message["commands"]):
            del self._commands[name]

    def _answered(self, message: Message) -> None:
        if (waiting := self._asked.get(message["number"])) is not None:
            waiting[1].append(stats_of(message["stats"]))
            waiting[0].set()

    def _pass_on(self, control: Control) -> None:
        fields, client = dict(control.fields), list(control.client)
        if not self._link.send("control", command=control.command, fields=fields, client=client):
            _log.warning("a client's command %r is lost: the main process does not respond", control.command)

    def _stats(self, *, clients: bool = True) -> Stats:
        """The counters of all processes: as last received, or, in a thread, requested from the parent."""
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


def _unchecked(fields: Mapping[str, Any]) -> Mapping[str, object]:
    """The fields of a command, unchecked: the parent checks them."""
    return {name: value for name, value in fields.items() if name not in ("kind", "command")}


async def serve(
    fd: int,
    reader_of: Callable[[Mapping[str, Any]], Reader],
    set_log: Callable[[KernelSettings], object] = set_log_level,
) -> None:
    """Be a worker of the parent at the other end of a socket, until it sends `stop` or is gone.

    Args:
        fd: the socket.
        reader_of: makes the reader of the settings from what the parent tells of it.
        set_log: sets up the log.
    """
    link = await Link.over(socket.socket(fileno=fd))
    messages = link.messages()
    try:
        start = await anext(messages, None)
        if start is not None:  # else the parent has ended meanwhile
            name_process(f"worker {start['number']}")
            share = Share(Relay(*start["relay"]), start["ports"], start["workers"], start["settings"])
            await Worker(link, share, reader_of(share.settings), set_log).run(messages)
            await link.flush()
    finally:
        link.close()
