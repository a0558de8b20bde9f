"""What sets one profile apart from another, as steps that lead from the one to the other. No I/O."""

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from pydantic import BaseModel

from beats.config.schema import Group
from beats.config.settings import KernelSettings, ProfileSettings

Action = Literal["remove", "add", "replace", "swap", "adjust"]
"""replace: the successor gets what waits; swap: it is of another type and begins afresh; adjust: in place."""


class Step(NamedTuple):
    """One thing to do."""

    action: Action
    group: Group
    name: str
    keys: tuple[str, ...] = ()
    """The settings that differ."""

    def __str__(self) -> str:
        """For the log: `sink 'tape' replaced (path)`."""
        done = {
            "remove": "removed",
            "add": "added",
            "replace": "replaced",
            "swap": "replaced by another type",
            "adjust": "changed in place",
        }[self.action]
        keys = f" ({', '.join(self.keys)})" if self.keys else ""
        return f"{self.group.removesuffix('s')} {self.name!r} {done}{keys}"


def steps(
    before: ProfileSettings, after: ProfileSettings, adjustable: Callable[[str], frozenset[str]]
) -> list[Step]:
    """What to do, in this order: what goes makes room for what comes, and sinks are there before sources.

    Args:
        before: as it is.
        after: as it shall be.
        adjustable: the settings of a type of sink that can change while it runs, besides its queue.
    """
    found = [*_sources(before, after), *_sinks(before, after, adjustable)]
    return sorted(found, key=_rank)


def _rank(step: Step) -> int:
    if step.action == "remove":
        return 0 if step.group == "sources" else 1
    if step.group == "sources":
        return 4
    return 3 if step.action == "add" else 2


def kernel_keys(before: KernelSettings, after: KernelSettings) -> tuple[str, ...]:
    """The settings of the kernel that differ."""
    return _differing(before, after)


def _sinks(
    before: ProfileSettings, after: ProfileSettings, adjustable: Callable[[str], frozenset[str]]
) -> Iterator[Step]:
    for name in before.sinks:
        if name not in after.sinks:
            yield Step("remove", "sinks", name)
    for name, settings in after.sinks.items():
        old = before.sinks.get(name)
        if old is None:
            yield Step("add", "sinks", name)
        elif old.type != settings.type:
            yield Step("swap", "sinks", name, ("type",))
        elif keys := _differing(old, settings):
            in_place = set(keys) <= adjustable(settings.type) | {"queue"}
            yield Step("adjust" if in_place else "replace", "sinks", name, keys)


def _sources(before: ProfileSettings, after: ProfileSettings) -> Iterator[Step]:
    for name in before.sources:
        if name not in after.sources:
            yield Step("remove", "sources", name)
    for name, settings in after.sources.items():
        old = before.sources.get(name)
        if old is None:
            yield Step("add", "sources", name)
        elif old.type != settings.type:
            yield Step("swap", "sources", name, ("type",))
        elif keys := _differing(old, settings):
            yield Step("replace", "sources", name, keys)


def _differing(before: BaseModel, after: BaseModel) -> tuple[str, ...]:
    return tuple(
        name for name in type(after).model_fields if getattr(before, name, None) != getattr(after, name, None)
    )
