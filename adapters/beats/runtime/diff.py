"""The differences between two profiles, as steps that lead from one to the other. No I/O."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Literal, NamedTuple

from pydantic import BaseModel

from beats.config.schema import Group
from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings

Action = Literal["remove", "add", "replace", "swap", "adjust", "restart"]
"""replace: the new one takes over the queue; swap: the new one has another type and an empty queue; adjust:
change it in place; restart: run the same source again."""


class Step(NamedTuple):
    """One change of one sink or source."""

    action: Action
    group: Group
    name: str
    keys: tuple[str, ...] = ()
    """The settings that differ."""

    def __str__(self) -> str:
        """The change as the log shows it: `sink 'tape' replaced (path)`."""
        done = {
            "remove": "removed",
            "add": "added",
            "replace": "replaced",
            "swap": "replaced by another type",
            "adjust": "changed in place",
            "restart": "started again",
        }[self.action]
        keys = f" ({', '.join(self.keys)})" if self.keys else ""
        return f"{self.group.removesuffix('s')} {self.name!r} {done}{keys}"


def steps(
    before: ProfileSettings,
    after: ProfileSettings,
    adjustable: Callable[[str], frozenset[str]],
    idle: Collection[str] = (),
) -> list[Step]:
    """The steps in order: removals first, as they free ports and files, and sinks before sources.

    Args:
        before: the current profile.
        after: the wanted profile.
        adjustable: the settings that a type of sink can change while it runs, besides its queue.
        idle: sources that have ended or failed and should be restarted.
    """

    def in_place(kind: str, keys: set[str]) -> bool:
        return keys <= adjustable(kind) | {"queue", "required"}

    # A source has no queue to hand over, and cannot be changed in place.
    sources = list(_parts("sources", before.sources, after.sources, lambda kind, keys: False))
    same = before.sources.keys() & after.sources.keys() - {step.name for step in sources}
    sources += [Step("restart", "sources", name) for name in before.sources if name in same and name in idle]
    return sorted([*sources, *_parts("sinks", before.sinks, after.sinks, in_place)], key=_rank)


def _rank(step: Step) -> int:
    if step.action == "remove":
        return 0 if step.group == "sources" else 1
    if step.group == "sources":
        return 4
    return 3 if step.action == "add" else 2


def _parts(
    group: Group,
    before: Mapping[str, SinkSettings | SourceSettings],
    after: Mapping[str, SinkSettings | SourceSettings],
    in_place: Callable[[str, set[str]], bool],
) -> Iterator[Step]:
    for name in before:
        if name not in after:
            yield Step("remove", group, name)
    for name, settings in after.items():
        old = before.get(name)
        if old is None:
            yield Step("add", group, name)
        elif old.type != settings.type:
            yield Step("swap", group, name, ("type",))
        elif keys := differing(old, settings):
            yield Step("adjust" if in_place(settings.type, set(keys)) else "replace", group, name, keys)


def differing(before: BaseModel, after: BaseModel) -> tuple[str, ...]:
    """The settings that differ."""
    return tuple(
        name for name in type(after).model_fields if getattr(before, name, None) != getattr(after, name, None)
    )
