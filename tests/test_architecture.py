"""The rules that no single module can hold: which rooms there are, and who imports whom."""

import ast
import json
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import pytest

from beats.doctor.software import FOR_DEVELOPERS

ROOT: Final = Path(__file__).parents[1]
PARTS: Final = ("kernel", "proto", "config", "adapters")
MAX_LINES: Final = 500
MAX_ROOMS: Final = 14
KERNEL_PACKAGES: Final = {"anyio", "blinker"}
THEIR_PACKAGES: Final = {"idna", "sniffio", "typing_extensions", "exceptiongroup"}

ROOMS: Final = (
    ("__main__",),
    ("cli",),
    ("workers", "doctor", "app"),
    ("adapters.sinks", "adapters.sources"),
    ("adapters.http", "adapters.led", "adapters.mqtt", "adapters.nats"),
    ("recordings", "runtime"),
    ("transforms",),
    ("pictures",),
    ("kit",),
    ("config", "proto"),
    ("kernel",),
)
"""Each room imports rooms of later rows only."""
INNER_ROOMS: Final = {
    "kernel": (("testing",), ("run",), ("queue",), ("",)),
    "config": (("load",), ("output",), ("checks",), ("layers",), ("",)),
}
"""The same within a part; its loose modules are the room without a name."""

FROM_KERNEL: Final = {
    "proto": ("beats.kernel.envelope.",),  # its codec fulfils a port of the kernel
    "config": ("beats.kernel.queue.overflow.",),  # which strategies there are
}

IMPORT_ALL: Final = """
import importlib, json, pkgutil, sys
sys.path += [{site!r}, {kernel!r}]
import beats.kernel.run.kernel
for module in pkgutil.walk_packages(sys.modules["beats.kernel"].__path__, "beats.kernel."):
    importlib.import_module(module.name)
files = {{name: getattr(module, "__file__", None) for name, module in sys.modules.items()}}
json.dump({{name: file for name, file in files.items() if file}}, sys.stdout)
"""


def modules(part: str) -> list[Path]:
    """The modules of a part that somebody wrote, generated ones left out."""
    return sorted(path for path in (ROOT / part / "beats").rglob("*.py") if not path.stem.endswith("_pb2"))


def every_module() -> list[Path]:
    return [path for part in PARTS for path in modules(part)]


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def imports(path: Path, nodes: Iterable[ast.AST] | None = None) -> Iterator[str]:
    """The full names of all modules that a module imports: anywhere in it, or in some of its nodes alone."""
    part = ROOT / path.relative_to(ROOT).parts[0]
    package = path.parent.relative_to(part).parts
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if nodes is None else nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            origin = ".".join([*base, *([node.module] if node.module else [])])
            yield origin
            yield from (f"{origin}.{alias.name}" for alias in node.names)


def ours(name: str) -> str | None:
    """Which part of ours a module name belongs to; None for other people's."""
    if name.split(".")[0] != "beats":
        return None
    return next((part for part in PARTS if f"{name}.".startswith(f"beats.{part}.")), "adapters")


def importers(package: str) -> set[str]:
    return {
        name_of(path)
        for path in every_module()
        if any(name.split(".")[0] == package for name in imports(path))
    }


def test_the_parts_are_where_these_tests_look() -> None:
    """Each folder holds modules, or every other rule here would hold of nothing."""
    assert all(modules(part) for part in PARTS)


@pytest.mark.parametrize("part", ["kernel", "proto", "config"])
def test_only_adapters_import_other_parts(part: str) -> None:
    """Of ours, kernel, proto and config import themselves, and what `FROM_KERNEL` names."""
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in modules(part)
        for name in imports(path)
        if name != "beats" and ours(name) not in (None, part)
        if not f"{name}.".startswith(FROM_KERNEL.get(part, ("no module",)))
    ]
    assert wrong == []


def test_the_kernel_needs_anyio_and_blinker_and_nothing_else() -> None:
    """Whatever else it imports is in the standard library."""
    allowed = sys.stdlib_module_names | KERNEL_PACKAGES | {"beats"}
    wrong = [
        f"{name_of(path)} imports {name}"
        for path in modules("kernel")
        for name in imports(path)
        if name.split(".")[0] not in allowed
    ]
    assert wrong == []


def test_blinker_is_imported_in_one_module() -> None:
    """What is to be known of blinker stands in the bus."""
    assert importers("blinker") == {"kernel/beats/kernel/bus.py"}


def test_dynaconf_is_imported_in_one_module() -> None:
    """Only the module that reads files depends on dynaconf."""
    assert importers("dynaconf") == {"config/beats/config/layers/files.py"}


def room_of(module: str) -> str:
    """The room of a module of ours."""
    parts = module.split(".")[1:]
    return ".".join(parts[:2]) if parts[0] == "adapters" else parts[0]


def inner_room_of(part: str, module: str) -> str:
    """The room of a module within a part; `load` and `testing` use all others, and are rooms of their own."""
    rest = module.split(".")[2:]
    named = [room for row in INNER_ROOMS[part] for room in row]
    return rest[0] if rest and rest[0] in named else ""


def arrows(names: Iterable[Path]) -> Iterator[tuple[str, str]]:
    """Which module of ours imports which."""
    known = {dotted(path) for path in every_module()}
    for path in names:
        for name in set(imports(path)) & known:
            yield dotted(path), name


def dotted(path: Path) -> str:
    """The full name of a module."""
    parts = path.relative_to(ROOT).with_suffix("").parts[1:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def rank(rooms: tuple[tuple[str, ...], ...], room: str) -> int:
    return next(number for number, row in enumerate(rooms) if room in row)


def test_every_module_stands_in_a_room() -> None:
    """No more rooms than the eye takes in (those of `adapters` are one), and no loose module beside them."""
    found = {room_of(dotted(path)) for path in every_module()} - {"adapters"}
    assert found == {room for row in ROOMS for room in row}
    assert len({room.split(".")[0] for room in found - {"__main__"}}) <= MAX_ROOMS


def test_rooms_import_downwards_only() -> None:
    """So that a room can be read with no room above it in mind."""
    rows = [(one, other, room_of(one), room_of(other)) for one, other in arrows(every_module())]
    wrong = [
        f"{one} imports {other}"
        for one, other, above, below in rows
        if above != below and below != "adapters" and rank(ROOMS, above) >= rank(ROOMS, below)
    ]
    assert wrong == []


@pytest.mark.parametrize("part", INNER_ROOMS)
def test_inner_rooms_import_downwards_only(part: str) -> None:
    """As between rooms."""
    rows = [
        (one, other, inner_room_of(part, one), inner_room_of(part, other))
        for one, other in arrows(modules(part))
        if other.startswith(f"beats.{part}.")
    ]
    wrong = [
        f"{one} imports {other}"
        for one, other, above, below in rows
        if above != below and rank(INNER_ROOMS[part], above) >= rank(INNER_ROOMS[part], below)
    ]
    assert wrong == []


@pytest.mark.parametrize("part", PARTS)
def test_no_part_hides_the_others(part: str) -> None:
    """With a `beats/__init__.py` in one of them, Python would find none of the other parts."""
    assert not (ROOT / part / "beats" / "__init__.py").exists()


def test_modules_are_short() -> None:
    """A module that has grown past the limit is two."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in every_module()}
    assert {name: lines for name, lines in lengths.items() if lines > MAX_LINES} == {}


@pytest.fixture(scope="module")
def loaded() -> dict[str, str]:
    """The modules, with their files, that importing all of the kernel loads when only it is on the path."""
    site = sysconfig.get_path("purelib")
    code = IMPORT_ALL.format(site=site, kernel=str(ROOT / "kernel"))
    # -S: without the site module no .pth file is read, so an editable installation adds no other part.
    run = subprocess.run([sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, timeout=99)
    assert run.returncode == 0, run.stderr
    files: dict[str, str] = json.loads(run.stdout)
    return files


def test_the_kernel_works_alone(loaded: dict[str, str]) -> None:
    """With only `kernel/` on the path, everything in `beats.kernel` can be imported."""
    of_ours = {Path(file) for name, file in loaded.items() if name.split(".")[0] == "beats"}
    assert of_ours == set(modules("kernel"))


def test_importing_the_kernel_loads_no_adapters_package(loaded: dict[str, str]) -> None:
    """Who embeds the kernel does not pay for what a sink or source needs."""
    site = sysconfig.get_path("purelib")
    foreign = {name.split(".")[0] for name, file in loaded.items() if file.startswith(site)}
    assert foreign - KERNEL_PACKAGES <= THEIR_PACKAGES


# The package that provides a module, where it has another name.
PROVIDERS: Final = {
    "PIL": "pillow",
    "google": "protobuf",
    "nats": "nats-py",
    "prometheus_client": "prometheus-client",
    "pydantic_core": "pydantic",
    "typing_extensions": "typing-extensions",
}


def named(lines: list[str]) -> set[str]:
    """The packages in a list of requirements."""
    return {re.split(r"[\s\[<>=]", line)[0].lower() for line in lines}


def test_whatever_is_imported_is_a_declared_dependency() -> None:
    """A package that only the tests, or another package, bring along is missing on a fresh machine.

    What an extra brings is imported inside a function only, so that nobody else needs it.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    declared = named(project["dependencies"])
    extras = project["optional-dependencies"]
    optional = named([line for name, lines in extras.items() if name not in FOR_DEVELOPERS for line in lines])
    for path in every_module():
        everything = set(imports(path))
        at_the_top = set(imports(path, ast.parse(path.read_text(encoding="utf-8")).body))
        for name in everything:
            top = name.split(".")[0]
            if top and top != "beats" and top not in sys.stdlib_module_names:
                package = PROVIDERS.get(top, top).lower()
                assert package in declared | optional, f"{name_of(path)} imports {top}"
                assert package in declared or name not in at_the_top, (
                    f"{name_of(path)} imports {top} at its top"
                )
