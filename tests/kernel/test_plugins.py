import importlib
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Final

import pytest

from beats.kernel.errors import MissingPackageError
from beats.kernel.plugins import Catalogue, UnknownAdapterError, resolve
from beats.kernel.ports import SinkKind

PACKAGE: Final = "made_up_sinks"
GROUP: Final = "beats.sinks"
GOOD: Final = """
from beats.kernel.ports import SinkKind

SINK = SinkKind(dict, lambda settings, context: None, "{name}")
"""


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A package of adapters on the path; its modules are removed afterwards."""
    folder = tmp_path / PACKAGE
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    importlib.invalidate_caches()
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0].startswith("made_up")]:
        del sys.modules[name]


def write(folder: Path, **modules: str) -> None:
    for name, text in modules.items():
        (folder / f"{name}.py").write_text(text.format(name=name))


def catalogue(*found: EntryPoint) -> Catalogue[SinkKind]:
    return Catalogue(PACKAGE, "SINK", SinkKind, GROUP, found)


def entry_point(name: str, value: str) -> EntryPoint:
    return EntryPoint(name, value, GROUP)


def imported(name: str) -> bool:
    return name in sys.modules


def test_an_adapter_is_found_by_its_modules_name(package: Path) -> None:
    """The constant in the module of that name is the adapter."""
    write(package, null=GOOD, recorder=GOOD)
    assert catalogue().find("null").summary == "null"


def test_no_other_adapter_is_imported(package: Path) -> None:
    """An optional dependency of one adapter does not affect the others."""
    write(package, null=GOOD, broken="raise ZeroDivisionError")
    sinks = catalogue(entry_point("foreign", "made_up_foreign"))
    assert sinks.names() == ["broken", "foreign", "null"]
    assert not imported(f"{PACKAGE}.null")
    sinks.find("null")
    assert imported(f"{PACKAGE}.null")
    assert not imported(f"{PACKAGE}.broken")
    assert not imported("made_up_foreign")
    with pytest.raises(ZeroDivisionError):  # an error of an adapter is not changed
        sinks.find("broken")


def test_a_folder_is_an_adapter_as_a_module_is(package: Path) -> None:
    """A large adapter is a package of the same name."""
    (package / "websocket").mkdir()
    write(package / "websocket", __init__=GOOD)
    assert catalogue().names() == ["websocket"]
    assert isinstance(catalogue().find("websocket"), SinkKind)


def test_private_modules_are_no_adapters(package: Path) -> None:
    """Names that start with an underscore are for helpers."""
    write(package, _helper=GOOD, null=GOOD)
    assert catalogue().names() == ["null"]
    with pytest.raises(UnknownAdapterError):
        catalogue().find("_helper")


@pytest.mark.parametrize("value", ["made_up_foreign", "made_up_foreign:SINK"])
def test_adapters_of_other_packages_come_by_entry_point(package: Path, value: str) -> None:
    """An entry point names the module or the constant; its own name is free."""
    write(package.parent, made_up_foreign=GOOD)
    sinks = catalogue(entry_point("my-sink", value))
    assert sinks.names() == ["my-sink"]
    assert sinks.find("my-sink").summary == "made_up_foreign"


def test_entry_points_of_installed_packages_are_found(package: Path) -> None:
    """By default a catalogue looks at the installed packages."""
    info = package.parent / "made_up_foreign-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: made_up_foreign\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[{GROUP}]\nforeign = made_up_foreign:SINK\n")
    write(package.parent, made_up_foreign=GOOD)
    sinks = Catalogue(PACKAGE, "SINK", SinkKind, GROUP)
    assert "foreign" in sinks.names()
    assert sinks.find("foreign").summary == "made_up_foreign"


def test_an_entry_point_cannot_replace_our_own(package: Path) -> None:
    """Installing a package never changes what a profile's `null` means."""
    write(package, null=GOOD)
    write(package.parent, made_up_foreign=GOOD)
    sinks = catalogue(entry_point("null", "made_up_foreign"))
    assert sinks.names() == ["null"]
    assert sinks.find("null").summary == "null"
    assert not imported("made_up_foreign")


@pytest.mark.parametrize("name", ["nul", "", "a.b", "..", "null.py", "os", "__init__", "my-sink"])
def test_an_unknown_name_raises_unknown_adapter_error(package: Path, name: str) -> None:
    """Any text in the settings names an adapter or gives this error, and imports nothing."""
    write(package, null=GOOD)
    with pytest.raises(UnknownAdapterError):
        catalogue().find(name)


@pytest.mark.parametrize("foreign", [False, True])
def test_a_missing_package_is_named_with_what_to_install(package: Path, foreign: bool) -> None:
    """The operator reads which adapter needs what."""
    write(package, recorder="import made_up_missing")
    write(package.parent, made_up_foreign="import made_up_missing")
    name = "foreign" if foreign else "recorder"
    with pytest.raises(MissingPackageError) as caught:
        catalogue(entry_point("foreign", "made_up_foreign")).find(name)
    assert f"'{name}' needs the package 'made_up_missing'" in str(caught.value)
    assert "pip install made_up_missing" in str(caught.value)
    assert isinstance(caught.value.__cause__, ModuleNotFoundError)


def test_an_adapter_may_say_itself_what_to_install(package: Path) -> None:
    """Its own message, which may name an extra, is kept."""
    write(
        package,
        relay="from beats.kernel.errors import MissingPackageError\n"
        "raise MissingPackageError('pip install beats[relay]')",
    )
    with pytest.raises(MissingPackageError, match=r"beats\[relay\]"):
        catalogue().find("relay")


@pytest.mark.parametrize("text", ["", "SINK = 'a text'", "SINK = None"])
@pytest.mark.parametrize("foreign", [False, True])
def test_what_is_no_adapter_is_refused_by_type(package: Path, text: str, foreign: bool) -> None:
    """The message says what the module must hold."""
    write(package, null=text)
    write(package.parent, made_up_foreign=text)
    name = "foreign" if foreign else "null"
    with pytest.raises(TypeError, match=f"'{name}' declares .*must hold SINK, a SinkKind"):
        catalogue(entry_point("foreign", "made_up_foreign")).find(name)


def test_a_class_is_imported_when_it_is_resolved(package: Path) -> None:
    """A class instead of the text is returned as it is."""
    write(package, server="class Server: pass")
    assert not imported(f"{PACKAGE}.server")
    assert resolve(f"{PACKAGE}.server:Server").__name__ == "Server"
    assert resolve(dict) is dict


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("made_up_sinks.gone:Server", "names a module that does not exist"),
        ("made_up_sinks.server:Gone", "has no attribute 'Gone'"),
        ("made_up_sinks.server:PORT", "is not a class"),
        ("not a name", "names nothing that can be built"),
    ],
)
def test_a_name_without_a_class_is_refused(package: Path, target: str, said: str) -> None:
    """The message says what is wrong with it."""
    write(package, server="PORT = 1")
    with pytest.raises(ImportError, match=said) as caught:
        resolve(target)
    assert repr(target) in str(caught.value)
    assert not isinstance(caught.value, MissingPackageError)


def test_a_class_whose_module_needs_a_missing_package_says_what_to_install(package: Path) -> None:
    """Like an adapter."""
    write(package, server="import made_up_missing")
    with pytest.raises(MissingPackageError, match="pip install made_up_missing"):
        resolve(f"{PACKAGE}.server:Server")
