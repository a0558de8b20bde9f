"""A kernel and the settings that it runs by, which can change while it does."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

import anyio
from anyio import to_thread

from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings
from beats.kernel.capabilities import Adjusts, KeepsNotes, TakesOver
from beats.kernel.errors import MissingPackageError, StartError
from beats.kernel.ports import Sink
from beats.kernel.run.kernel import Kernel
from beats.kit.bounds import queue_bounds
from beats.kit.stamps import Stamp, stamp
from beats.runtime.builder import SINKS, Builder, kernel_options
from beats.runtime.diff import Step, kernel_keys, steps
from beats.runtime.registry import resources_of
from beats.runtime.view import RuntimeView

NOTE: Final = "beats.change"
"""Metadata of recordings in progress: which settings changed, when."""

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Change(NamedTuple):
    """What became of one difference between two profiles."""

    what: str
    """As `sink 'tape' replaced (path)`."""
    error: str = ""
    """Why it could not be done; what was there before runs on."""


class LiveProfile:
    """Lives in the kernel's event loop."""

    def __init__(self, profile: ProfileSettings, outside: RuntimeView | None = None) -> None:
        """Put a kernel together; nothing runs yet. `outside` is what its sinks know of a larger house."""
        self.profile = profile
        """What runs now."""
        self._outside: Final = outside
        self._builder = Builder(profile, outside=outside)
        self.kernel: Final[Kernel] = self._builder.kernel
        self._builder.add_all()
        self._inputs = {name: _stamps(settings, profile) for name, settings in profile.sources.items()}
        self._lock: anyio.Lock | None = None

    async def apply(self, after: ProfileSettings) -> list[Change]:
        """Bring what runs to other settings, one part after the other; equal parts that run notice nothing.

        A part that cannot be brought there stays as it was, and the others go on. What has failed is tried
        again at once; so is a source that has ended and whose input has changed since. One call at a time.
        """
        if self._lock is None:
            self._lock = anyio.Lock()
        async with self._lock:
            return await self._apply(after)

    async def _apply(self, after: ProfileSettings) -> list[Change]:
        before = self.profile
        self._builder = Builder(after, self.kernel, self._outside)
        changes = self._change_kernel(after)
        sinks, sources = self.kernel.hurry()
        for what in (*(f"sink {name!r}" for name in sinks), *(f"source {name!r}" for name in sources)):
            changes.append(Change(f"{what} tried again at once"))
            _log.info("%s tried again at once", what)
        idle = await to_thread.run_sync(self._idle) - set(sources)
        for step in steps(before, after, lambda kind: SINKS.find(kind).adjustable, idle):
            try:
                await self._do(step, after)
            except Exception as error:  # of an adapter: the others go on
                changes.append(Change(str(step), str(error) or type(error).__name__))
                expected = isinstance(error, StartError | OSError | ValueError | MissingPackageError)
                text = "%s: failed, and it runs on as before: %s"
                _log.error(text, step, error, exc_info=None if expected else error)
            else:
                changes.append(Change(str(step)))
                self._remember(step, after)
                _log.info("%s", step)
        self._refresh(before)
        if changes:
            self._note(changes)
        return changes

    async def _do(self, step: Step, after: ProfileSettings) -> None:
        kernel, name = self.kernel, step.name
        if step.group == "sources":
            source = None if step.action == "remove" else self._builder.source(name)
            if step.action != "add":
                await kernel.remove_source(name)
            self._inputs.pop(name, None)
            if source is not None:
                self._inputs[name] = await to_thread.run_sync(_stamps, after.sources[name], after)
                kernel.add_source(name, source)
            return
        if step.action == "remove":
            await kernel.remove_sink(name)
            return
        settings = after.sinks[name]
        bounds = queue_bounds(settings.queue)
        if step.action == "adjust":
            _adjust(kernel.sinks[name], settings)
            kernel.rebound_sink(name, bounds)
        elif step.action == "add":
            sink = self._builder.sink(name)
            await kernel.add_sink_now(name, sink, bounds, required=settings.required)
        else:
            sink = self._builder.sink(name)
            if step.action == "replace" and isinstance(sink, TakesOver):
                sink.take_over(kernel.sinks[name])
            await kernel.replace_sink(name, sink, bounds, hand_over=step.action == "replace")

    def _idle(self) -> set[str]:
        """The sources that another start may help."""
        found: set[str] = set()
        for source in self.kernel.stats(clients=False).sources:
            settings = self.profile.sources.get(source.name)
            if settings is None:
                continue
            if source.state == "failed" or (
                source.state == "ended" and _stamps(settings, self.profile) != self._inputs.get(source.name)
            ):
                found.add(source.name)
        return found

    def _remember(self, step: Step, after: ProfileSettings) -> None:
        """Take one step's outcome into the settings that run, so that a failed one stays out of them."""
        if step.group == "sinks":
            self.profile = replace(self.profile, sinks=_with(self.profile.sinks, step.name, after.sinks))
        else:
            self.profile = replace(
                self.profile, sources=_with(self.profile.sources, step.name, after.sources)
            )

    def _change_kernel(self, after: ProfileSettings) -> list[Change]:
        keys = kernel_keys(self.profile.kernel, after.kernel)
        self.profile = replace(self.profile, kernel=after.kernel, warnings=after.warnings)
        if not keys:
            return []
        self.kernel.reconfigure(kernel_options(after.kernel))
        if "log_level" in keys:
            logging.getLogger("beats").setLevel(after.kernel.log_level)
        what = f"kernel changed in place ({', '.join(keys)})"
        _log.info("%s", what)
        return [Change(what)]

    def _refresh(self, before: ProfileSettings) -> None:
        """Let sinks whose settings are the same look at their files anew, such as those of tokens."""
        for name, settings in self.profile.sinks.items():
            if settings == before.sinks.get(name):
                try:
                    _adjust(self.kernel.sinks[name], settings)
                except (OSError, ValueError) as error:
                    _log.error("sink %r runs on as before: %s", name, error)
                except Exception:  # of an adapter: the others go on
                    _log.exception("sink %r runs on as before", name)

    def _note(self, changes: list[Change]) -> None:
        content = {"changes": json.dumps([change._asdict() for change in changes], ensure_ascii=False)}
        for sink in self.kernel.sinks.values():
            if isinstance(sink, KeepsNotes):
                sink.note(NOTE, content)


def _stamps(settings: SourceSettings, profile: ProfileSettings) -> Mapping[Path, Stamp | str]:
    """What a source reads, as it is now."""
    try:
        inputs = resources_of(settings, profile.profile).inputs
    except Exception:  # an adapter that breaks its contract; a check says so
        return {}
    return {each.path: stamp(each.path) for each in inputs}


def _with(running: Mapping[str, _T], name: str, wanted: Mapping[str, _T]) -> dict[str, _T]:
    """What runs, with one part as it is wanted."""
    others = {each: settings for each, settings in running.items() if each != name}
    return {**others, **({name: wanted[name]} if name in wanted else {})}


def summary(changes: list[Change]) -> Mapping[str, object]:
    """What was done, as plain values."""
    return {
        "changed": [change.what for change in changes if not change.error],
        "failed": {change.what: change.error for change in changes if change.error},
    }


def _adjust(sink: Sink, settings: SinkSettings) -> None:
    if isinstance(sink, Adjusts):
        sink.adjust(settings)
