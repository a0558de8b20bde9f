"""Finds adapters by name: our own by module, those of other packages by entry point."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from beats.kernel.errors import MissingPackageError
from beats.kernel.resources import Package

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

KindT = TypeVar("KindT")


class UnknownAdapterError(LookupError):
    """There is no adapter of this name."""


class Catalogue(Generic[KindT]):
    """The adapters of one group. A module is imported only when its adapter is looked up."""

    def __init__(
        self,
        package: str,
        attribute: str,
        kind: type[KindT],
        group: str,
        found: "Iterable[EntryPoint] | None" = None,
    ) -> None:
        """Say where to look.

        Args:
            package: the dotted name of the package whose modules are our own adapters.
            attribute: the constant that each adapter module declares, `SINK` or `SOURCE`.
            kind: the type of that constant.
            group: the entry-point group of adapters in other packages; each entry point names a module or the
                constant itself.
            found: the entry points, instead of those of the installed packages.
        """
        self._package: Final = package
        self._attribute: Final = attribute
        self._kind: Final = kind
        self._group: Final = group
        self._found: Final = None if found is None else tuple(found)
        self._looked_up: Final[dict[str, KindT]] = {}

    @property
    def looked_up(self) -> Mapping[str, KindT]:
        """The adapters that this process has found so far, by name: those of its profile are among them."""
        return self._looked_up.copy()

    def names(self) -> list[str]:
        """All adapter names, sorted; imports no adapter."""
        path = importlib.import_module(self._package).__path__
        ours = {module.name for module in pkgutil.iter_modules(path) if not module.name.startswith("_")}
        return sorted(ours | self._entry_points().keys())

    def find(self, name: str) -> KindT:
        """The adapter of this name. Ours come first, so an entry point cannot replace one.

        Raises:
            UnknownAdapterError: there is no adapter of this name.
            MissingPackageError: it needs a package that is not installed.
            TypeError: the module or entry point does not hold what it should.
        """
        module_name = f"{self._package}.{name}"
        declared: object
        if (
            name.isidentifier()
            and not name.startswith("_")
            and importlib.util.find_spec(module_name) is not None
        ):
            declared = _load(name, lambda: importlib.import_module(module_name))
        elif (entry_point := self._entry_points().get(name)) is not None:
            declared = _load(name, entry_point.load)
        else:
            raise UnknownAdapterError(name)
        declared = getattr(declared, self._attribute, declared)
        if not isinstance(declared, self._kind):
            raise TypeError(
                f"adapter {name!r} declares {type(declared).__name__}; its module must hold "
                f"{self._attribute}, a {self._kind.__name__}"
            )
        self._looked_up[name] = declared
        return declared

    def _entry_points(self) -> "dict[str, EntryPoint]":
        from importlib.metadata import (
            entry_points,
        )  # slow to import, and our own adapters are found without it

        found = entry_points(group=self._group) if self._found is None else self._found
        return {entry_point.name: entry_point for entry_point in found}


def resolve(target: str | Callable[..., Any]) -> Callable[..., Any]:
    """What "package.module:Class" names; imports the module. A class is returned as it is.

    Raises:
        MissingPackageError: the module needs a package that is not installed.
        ImportError: there is nothing of this name that can be called.
    """
    if not isinstance(target, str):
        return target
    try:
        found = pkgutil.resolve_name(target)
    except ModuleNotFoundError as error:
        if error.name and target.startswith(error.name):
            raise ImportError(f"{target!r} names a module that does not exist") from error
        raise _missing(f"{target!r}", error) from error
    except (ValueError, AttributeError) as error:
        raise ImportError(f"{target!r} names nothing that can be built: {error}") from error
    if callable(found):
        made: Callable[..., Any] = found
        return made
    raise ImportError(f"{target!r} is not a class")


def _load(name: str, load: Callable[[], object]) -> object:
    try:
        return load()
    except ModuleNotFoundError as error:
        raise _missing(f"adapter {name!r}", error) from error


def _missing(what: str, error: ModuleNotFoundError) -> MissingPackageError:
    name = str(error.name)
    return MissingPackageError(f"{what} {Package('type', name, name).lacking}")
