"""The overflow strategies by name: each module here but `base` is one, named after it."""

import importlib
import pkgutil
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, cast

from beats.kernel.queue.overflow.base import Backlog, Overflow, Verdict


def _found() -> Mapping[str, type[Overflow]]:
    modules = [module.name for module in pkgutil.iter_modules(__path__) if module.name != "base"]
    return {name: _strategy_in(name) for name in modules}


def _strategy_in(name: str) -> type[Overflow]:
    module = importlib.import_module(f"{__name__}.{name}")
    return next(
        cast("type[Overflow]", each)
        for each in vars(module).values()
        if isinstance(each, type) and getattr(each, "name", None) == name
    )


OVERFLOWS: Final = MappingProxyType(_found())

__all__ = ["OVERFLOWS", "Backlog", "Overflow", "Verdict"]
