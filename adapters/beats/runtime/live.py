"""Applies changed settings to a running kernel."""

import json
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final, NamedTuple, TypeVar

from anyio import to_thread

from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings
from beats.kernel.capabilities import Adjusts, KeepsNotes, TakesOver
from beats.kernel.errors import MissingPackageError, StartError
from beats.kernel.ports import Sink, TakeStats
from beats.kernel.run.kernel import Kernel
from beats.kit.bounds import queue_bounds
from beats.kit.paths import Stamp, stamp
from beats.runtime.builder import Builder, RuntimeView, kernel_options
from beats.runtime.conflicts import lacking
from beats.runtime.diff import Step, differing, steps
from beats.runtime.registry import SINKS, resources_of

NOTE: Final = "beats.change"
"""The metadata record in recordings that tells which settings changed, and when."""

_log: Final = logging.getLogger(__name__)
_T = TypeVar("_T")


class Change(NamedTuple):
    """The outcome of one step."""

    what: str
    """What was done, such as `sink 'tape' replaced (path)`."""
    error: str = ""
    """Why the step failed; what ran before goes on."""


class LiveProfile:
    """Lives in the kernel's event loop."""

    def __init__(
        self, profile: ProfileSettings, view: RuntimeView | None = None, stats: TakeStats | None = None
    ) -> None:
        """Build a kernel; nothing runs yet. `view` and `stats` show sinks all processes of a run."""
        self.profile = profile
        """The settings in effect."""
        self._view: Final = view
        self._stats: Final = stats
        self._builder = Builder(profile, view=view, stats=stats)
        self.kernel: Final[Kernel] = self._builder.kernel
        self.pixels: Final = self._builder.pixels
        """What publishes the pixels of the program."""
        self._builder.add_all()
        self._inputs = {name: _stamps(settings, profile) for name, settings in profile.sources.items()}

    async def apply(self, after: ProfileSettings) -> list[Change]:
        """Change what runs to other settings, one sink or source after the other. Not for two calls at once.

        What is equal goes on untouched. What cannot be changed stays as it was, and the others are changed.
        A failed sink or source is tried again at once, and so is a source that has ended and whose input has
        changed since.
        """
        before = self.profile
        self._builder = Builder(after, self.kernel, self._view, self._stats, self.pixels)
        changes = [*self._change_kernel(after), *self._change_pixels(after)]
        sinks, sources = self.kernel.hurry()
        for what in (*(f"sink {name!r}" for name in sinks), *(f"source {name!r}" for name in sources)):
            changes.append(Change(f"{what} tried again at once"))
            _log.info("%s tried again at once", what)
        idle = await to_thread.run_sync(self._idle) - set(sources)
        for step in steps(before, after, lambda kind: SINKS.find(kind).adjustable, idle):
            try:
                await self._do(step, after)
            except Exception as error:  # of one adapter; the others go on
                changes.append(Change(str(step), str(error) or type(error).__name__))
                expected = isinstance(error, StartError | OSError | ValueError | MissingPackageError)
                text = "%s: failed, and the previous settings stay in effect: %s"
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
            if step.action in ("replace", "swap"):
                await to_thread.run_sync(_refuse_lacking, after.sources[name], after)
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
        """The sources to restart: failed ones, and ended ones whose input has changed."""
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
        """Record a successful step in the settings in effect."""
        if step.group == "sinks":
            self.profile = replace(self.profile, sinks=_with(self.profile.sinks, step.name, after.sinks))
        else:
            self.profile = replace(
                self.profile, sources=_with(self.profile.sources, step.name, after.sources)
            )

    def _change_kernel(self, after: ProfileSettings) -> list[Change]:
        keys = differing(self.profile.kernel, after.kernel)
        self.profile = replace(self.profile, kernel=after.kernel, warnings=after.warnings)
        changes: list[Change] = []
        if "event_loop" in keys:
            keys = tuple(key for key in keys if key != "event_loop")
            changes.append(Change("kernel.event_loop changes at the next start"))
            _log.warning("%s", changes[0].what)
        if not keys:
            return changes
        self.kernel.reconfigure(kernel_options(after.kernel))
        what = f"kernel changed in place ({', '.join(keys)})"
        _log.info("%s", what)
        return [*changes, Change(what)]

    def _change_pixels(self, after: ProfileSettings) -> list[Change]:
        keys = differing(self.profile.pixels, after.pixels)
        if not keys:
            return []
        self.profile = replace(self.profile, pixels=after.pixels)
        self.pixels.settings = after.pixels
        what = f"pixels changed in place ({', '.join(keys)})"
        _log.info("%s", what)
        return [Change(what)]

    def _refresh(self, before: ProfileSettings) -> None:
        """Let sinks with unchanged settings read their files again, such as token files."""
        for name, settings in self.profile.sinks.items():
            if settings == before.sinks.get(name):
                try:
                    _adjust(self.kernel.sinks[name], settings)
                except (OSError, ValueError) as error:
                    _log.error("sink %r keeps its previous settings: %s", name, error)
                except Exception:  # of one adapter; the others go on
                    _log.exception("sink %r keeps its previous settings", name)

    def _note(self, changes: list[Change]) -> None:
        content = {"changes": json.dumps([change._asdict() for change in changes], ensure_ascii=False)}
        for sink in self.kernel.sinks.values():
            if isinstance(sink, KeepsNotes):
                sink.note(NOTE, content)


def _stamps(settings: SourceSettings, profile: ProfileSettings) -> Mapping[Path, Stamp | str]:
    """The stamps of a source's input files."""
    try:
        inputs = resources_of(settings, profile.profile).inputs
    except Exception:  # the adapter breaks its contract; `config check` reports it
        return {}
    return {each.path: stamp(each.path) for each in inputs}


def _refuse_lacking(settings: SourceSettings, profile: ProfileSettings) -> None:
    """Raise what a source would fail with at its start, before its predecessor is stopped."""
    try:
        resources = resources_of(settings, profile.profile)
    except Exception:  # as above
        return
    if faults := [f"{resource.key}: {why}" for resource, why in lacking(resources)]:
        raise StartError("; ".join(faults))


def _with(running: Mapping[str, _T], name: str, wanted: Mapping[str, _T]) -> dict[str, _T]:
    """The running settings, with those of one name replaced by the wanted ones."""
    others = {each: settings for each, settings in running.items() if each != name}
    return {**others, **({name: wanted[name]} if name in wanted else {})}


def summary(changes: list[Change]) -> Mapping[str, object]:
    """The changes as JSON values."""
    return {
        "changed": [change.what for change in changes if not change.error],
        "failed": {change.what: change.error for change in changes if change.error},
    }


def _adjust(sink: Sink, settings: SinkSettings) -> None:
    if isinstance(sink, Adjusts):
        sink.adjust(settings)
