"""`beats profiles` and `beats adapters`."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from beats.cli.listing import adapters
from beats.config.errors import shown
from beats.config.layers.profiles import SHIPPED
from beats.config.schema import descriptions
from beats.runtime.registry import SINKS, SOURCES
from tests.support import called, install_adapter

KINDS = [
    *(("sink", name, SINKS.find(name).settings) for name in SINKS.names()),
    *(("source", name, SOURCES.find(name).settings) for name in SOURCES.names()),
]


def squeezed(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines()]


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The lines of `beats adapters`, which take half a second to draw."""
    code, out, err = called("adapters", cwd=tmp_path_factory.getbasetemp())
    assert (code, err) == (0, "")
    return squeezed(out)


def settings_of(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Every setting, and the text of its documentation."""
    for name, field in model.model_fields.items():
        if isinstance(field.default, BaseModel):
            yield from settings_of(type(field.default), f"{prefix}{name}.")
        elif prefix + name != "type":
            yield prefix + name, descriptions(model).get(name, "")


def section(listed: list[str], role: str, name: str) -> list[str]:
    start = next(index for index, line in enumerate(listed) if line.startswith(f"{role} {name}: "))
    return listed[start : listed.index("", start)]


@pytest.mark.parametrize(("role", "name", "model"), KINDS, ids=lambda value: str(value)[:20])
def test_every_adapter_is_listed_with_every_setting(
    listed: list[str], role: str, name: str, model: type[BaseModel]
) -> None:
    """Each setting has one line with its full key, its default and what it means, unit included."""
    lines = section(listed, role, name)
    assert len(lines[0]) > len(f"{role} {name}: ")
    expected = dict(settings_of(model))
    assert [line.split()[0] for line in lines[2:]] == list(expected)
    for line, (key, meaning) in zip(lines[2:], expected.items(), strict=True):
        assert meaning, f"{key} is not documented"
        assert line.endswith(f" {meaning}")
        assert len(line) > len(f"{key} {meaning}") + 1, f"{key} has no default"


def test_defaults_are_shown_as_toml_writes_them(listed: list[str]) -> None:
    """They can be copied into a profile; the recorder's queue has its own, and what must be given says so."""
    browser = section(listed, "sink", "websocket")
    for key, value in {"port": 8765, "enabled": True, "host": "localhost", "queue.size": 256}.items():
        assert any(line.startswith(f"{key} {shown(value)} ") for line in browser)
    assert any(line.startswith('emojis ["poop", "skull", "heart", ') for line in browser)
    images = section(listed, "source", "images")
    assert any(line.startswith("path (required) ") for line in images)
    assert any(line.startswith("fps (none) ") for line in images)
    assert any(line.startswith("queue.size 4096 ") for line in section(listed, "sink", "recorder"))


def test_the_metrics_of_an_adapter_are_listed(listed: list[str]) -> None:
    """With what they mean."""
    meaning = SINKS.find("recorder").metrics["free_bytes"]
    assert f"free_bytes {meaning}" in listed[listed.index(section(listed, "sink", "recorder")[-1]) :]


def test_an_adapter_that_cannot_be_used_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A missing package or a broken module is said in its place, and the others are still listed."""
    install_adapter(tmp_path, "sinks", "needy", "import a_package_that_nobody_has\n", monkeypatch)
    install_adapter(tmp_path, "sources", "hollow", "SOURCE = 5\n", monkeypatch)
    adapters()
    lines = squeezed(capsys.readouterr().out)
    assert any(re.match(r"sink needy: .*pip install a_package_that_nobody_has", line) for line in lines)
    assert any(re.match(r"source hollow: .*SourceKind", line) for line in lines)
    assert section(lines, "sink", "websocket")


def test_profiles_are_listed_with_their_use_and_file(tmp_path: Path) -> None:
    """The shipped ones and the user's own, each with its path; a folder that is not there is code 78."""
    folder = tmp_path / "config"
    folder.mkdir()
    (folder / "mine.toml").write_text("# For [bold]me[/bold] alone.\n")
    (folder / "studio.toml").write_text("# Another studio.\n")
    code, out, err = called("profiles", cwd=tmp_path)
    assert (code, err) == (0, "")
    lines = squeezed(out)
    assert "mine For [bold]me[/bold] alone. config/mine.toml" in lines
    assert "studio Another studio. config/studio.toml" in lines
    for name in ("default", "headless", "record"):
        assert any(line.startswith(f"{name} ") and line.endswith(f"{SHIPPED / name}.toml") for line in lines)
    code, out, err = called("profiles", "--config", "nowhere", cwd=tmp_path)
    assert (code, out) == (78, "")
    assert err == 'config: "nowhere": no such folder\nMore: beats docs settings#profiles\n'
