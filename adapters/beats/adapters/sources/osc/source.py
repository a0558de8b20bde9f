"""Receives OSC: addresses become peripherals, or commands."""

import heapq
import logging
import math
from collections.abc import Mapping
from itertools import count
from typing import Final, NamedTuple, cast

import anyio
from anyio.lowlevel import checkpoint

from beats.adapters.sources.osc.controls import Controller, parse_control
from beats.adapters.sources.osc.packets import IMMEDIATELY, OscMessage, messages, unix_ns_of
from beats.adapters.sources.osc.receiver import Datagram, UdpReceiver, open_receivers
from beats.adapters.sources.osc.settings import OscSettings
from beats.kernel.envelope import ClientIdentity, Control, Peripheral
from beats.kernel.ports import Context, Publish
from beats.kit.id_template import IdTemplate, tag_of
from beats.kit.inbox import Inbox
from beats.kit.throttled_log import ThrottledLog

log = logging.getLogger(__name__)

_AT_ONCE: Final = 32
"""Datagrams, or messages of one, after which other tasks may run."""
_MOST_EARLY: Final = 1024
"""Most messages that wait for the time of their bundle."""
_LONGEST_WAIT_S: Final = 0.5
"""Longest wait without a look at the wall clock, which may be set."""


class _Early(NamedTuple):
    """A message whose time has not come."""

    due_unix_ns: int
    number: int
    """Counts arrivals, to keep messages of equal times in order."""
    message: OscMessage
    datagram: Datagram


class OscSource:
    """Listens on a UDP port until cancelled. Whatever comes, it goes on."""

    def __init__(self, settings: OscSettings, context: Context) -> None:
        self._settings: Final = settings
        self._context: Final = context
        self._reports: Final = ThrottledLog(log, f"source {context.name!r}")
        self._inbox: Final = Inbox(context.name, settings.queue, context.clock, self._reports)
        self._template: Final = IdTemplate(settings.id)
        self._tags: Final = tuple(map(tag_of, settings.tags))
        self._controllers: Final[Mapping[str, Controller]] = {
            address: parse_control(address, text) for address, text in settings.controls.items()
        }
        self._tolerance_ns: Final = round(settings.time_tag_tolerance_s * 1e9)
        self._early: Final[list[_Early]] = []
        """A heap."""
        self._numbers: Final = count()
        self._earlier: anyio.Event = anyio.Event()
        """Set when a message comes that is due before all that wait."""
        self._receivers: list[UdpReceiver] = []
        self._dropped_before = 0
        """How many datagrams the operating system dropped on ports that are closed again."""
        self._datagrams = self._controls = 0

    def metrics(self) -> Mapping[str, float]:
        """What came, and what could not be used."""
        counts = self._reports.counts
        return {
            "datagrams_total": float(self._datagrams),
            "controls_total": float(self._controls),
            "invalid_total": float(counts["invalid packets"] + counts["oversized datagrams"]),
            "invalid_controls_total": float(counts["invalid commands"]),
            "unpublishable_total": float(counts["unusable addresses"] + counts["unpublishable messages"]),
            "wrong_times_total": float(counts["wrong time tags"] + counts["early messages beyond the bound"]),
            "dropped_total": float(self._inbox.dropped),
            "dropped_unread_total": float(
                self._dropped_before + sum(each.dropped for each in self._receivers)
            ),
        }

    async def run(self, publish: Publish) -> None:
        """Listen, and publish until cancelled.

        Raises:
            OSError: the port cannot be listened on, such as one in use.
        """
        settings = self._settings
        self._receivers = await open_receivers(
            settings.host,
            settings.port,
            ("sources", self._context.name, "port"),
            settings.receive_buffer_bytes,
        )
        try:
            for receiver in self._receivers:
                log.info("source %r listens for OSC on UDP %s", self._context.name, receiver.address)
            async with anyio.create_task_group() as group:
                group.start_soon(self._inbox.run, publish)
                group.start_soon(self._release_early)
                for receiver in self._receivers:
                    group.start_soon(self._listen, receiver)
        finally:
            for receiver in self._receivers:
                receiver.socket.close()
            self._dropped_before += sum(each.dropped for each in self._receivers)
            self._receivers = []
            self._reports.summarise()

    async def _listen(self, receiver: UdpReceiver) -> None:
        while True:
            await anyio.wait_readable(receiver.socket)
            dropped = receiver.dropped
            for _ in range(_AT_ONCE):
                datagram = receiver.receive()
                if datagram is None:
                    break
                await self._take(datagram)
            if receiver.dropped > dropped:
                lost = receiver.dropped - dropped
                text = f"{lost} datagrams came faster than they could be read, and are lost"
                self._reports.add("floods", text, logging.ERROR)
            await checkpoint()
            await self._inbox.make_way()

    async def _take(self, datagram: Datagram) -> None:
        self._datagrams += 1
        data, sender = datagram
        limit = self._settings.max_datagram_bytes
        if len(data) > limit:
            text = (
                f"a datagram of {len(data):,} bytes from {sender} is left out: max_datagram_bytes = {limit:,}"
            )
            self._reports.add("oversized datagrams", text)
            return
        try:
            found = messages(data)
        except ValueError as error:
            self._reports.add("invalid packets", f"a packet from {sender} is left out: {error}")
            return
        now_ns = self._context.clock.unix_ns()
        for number, message in enumerate(found, 1):
            self._sort(message, datagram, now_ns)
            if number % _AT_ONCE == 0:
                await self._inbox.make_way()

    def _sort(self, message: OscMessage, datagram: Datagram, now_ns: int) -> None:
        """Use a message now, or later if the time of its bundle has not come."""
        captured_ns = now_ns
        if message.time_tag != IMMEDIATELY:
            due_ns = unix_ns_of(message.time_tag)
            if abs(due_ns - now_ns) > self._tolerance_ns:
                text = (
                    f"{message.address} from {datagram.sender} counts as captured now: its time tag is "
                    f"{(due_ns - now_ns) / 1e9:+.3f} s from the clock here; synchronise the clocks"
                )
                self._reports.add("wrong time tags", text)
            elif due_ns <= now_ns:
                captured_ns = due_ns
            elif len(self._early) < _MOST_EARLY:
                early = _Early(due_ns, next(self._numbers), message, datagram)
                heapq.heappush(self._early, early)
                if self._early[0] is early:
                    self._earlier.set()
                return
            else:
                text = f"{message.address} from {datagram.sender} is published before its time: too many wait"
                self._reports.add("early messages beyond the bound", text)
        self._use(message, datagram, captured_ns)

    async def _release_early(self) -> None:
        """Use each message that waits when its time has come."""
        while True:
            self._earlier = anyio.Event()
            now_ns = self._context.clock.unix_ns()
            while self._early and self._early[0].due_unix_ns <= now_ns:
                early = heapq.heappop(self._early)
                self._use(early.message, early.datagram, early.due_unix_ns)
            wait_s = (self._early[0].due_unix_ns - now_ns) / 1e9 if self._early else math.inf
            with anyio.move_on_after(min(wait_s, _LONGEST_WAIT_S) if self._early else math.inf):
                await self._earlier.wait()

    def _use(self, message: OscMessage, datagram: Datagram, captured_ns: int) -> None:
        address, arguments, _ = message
        controller = self._controllers.get(address)
        if controller is not None:
            self._steer(controller, message, datagram.sender)
            return
        try:
            found = self._template.id_of(address[1:])
        except ValueError as error:
            self._reports.add("unusable addresses", str(error))
            return
        update = Peripheral(found, _value(arguments), self._tags)
        self._inbox.offer(update, captured_ns, datagram.data)

    def _steer(self, controller: Controller, message: OscMessage, sender: str) -> None:
        context = self._context
        try:
            found = controller.control(message.arguments, self._settings.emojis, context.commands)
        except ValueError as error:
            text = f"{message.address} from {sender} is not a valid command: {error}"
            self._reports.add("invalid commands", text)
            return
        if found is not None:
            self._controls += 1
            # UDP has no connections: all senders are one client, told apart by their addresses.
            context.control(Control(*found, ClientIdentity(context.name, 0, sender)))


def _value(arguments: tuple[object, ...]) -> object:
    """One argument as it is, several as a list, none as null; null also for what JSON lacks, NaN."""
    values = [_finite(each) for each in arguments]
    return None if not values else values[0] if len(values) == 1 else values


def _finite(value: object) -> object:
    if isinstance(value, list):
        return [_finite(each) for each in cast("list[object]", value)]
    return None if isinstance(value, float) and not math.isfinite(value) else value
