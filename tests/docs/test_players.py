"""docs/players.md is true of a running Beats: its commands, addresses and recipes."""

import json
import re
import shutil
from collections.abc import Generator
from pathlib import Path
from typing import Any, Final

import pytest

from beats.adapters.http.players.choice import parse_picture
from beats.adapters.http.players.players import MJPEG, STILLS
from beats.adapters.http.query import InvalidQuery
from tests.docs.documents import DOCUMENTS
from tests.docs.test_examples import COMMANDS, demo
from tests.support import Program, clean_environment

PLAYERS: Final = DOCUMENTS["docs/players.md"]
SERVER: Final = "http://localhost:8765"


@pytest.fixture(scope="module")
def stream(tmp_path_factory: pytest.TempPathFactory) -> Generator[Program]:
    """The demo, with an update of every peripheral."""
    with demo(tmp_path_factory.mktemp("demo")) as stream:
        while len(stream.fetch("/api/last").json["peripherals"]) < 3:
            pass
        while stream.fetch("/frame.jpg", "HEAD").status != 200:
            pass
        yield stream


def test_every_address_answers(stream: Program) -> None:
    """In prose, HTML and YAML alike."""
    shown = set(re.findall(rf"{SERVER}(/[^\s\"`]*)", PLAYERS.text))
    assert len(shown) > 5
    for path in shown:
        assert stream.fetch(path, "HEAD").status == 200, path


@pytest.mark.parametrize("command", [each for each in COMMANDS if each.startswith(("curl", "ffmpeg"))])
def test_a_command_makes_a_file(command: str, stream: Program, tmp_path: Path) -> None:
    """Typed as it stands, but for the port."""
    name = command.split()[0]
    if shutil.which(name) is None:
        pytest.skip(f"there is no {name}: on Debian, install the package {name}")
    typed = command.replace(SERVER, f"http://localhost:{stream.port}")
    with Program(["bash", "-c", f"exec {typed}"], tmp_path, clean_environment()) as program:
        assert (program.end(), program.err.text()) == (0, "")
    [made] = tmp_path.iterdir()
    assert made.name in command
    assert made.stat().st_size > 500


def test_the_template_for_home_assistant_finds_the_value(stream: Program) -> None:
    """By the address and the path that the recipe gives."""
    [recipe] = PLAYERS.of("yaml")
    [path] = re.findall(rf"resource: {SERVER}(\S+)", recipe)
    [template] = re.findall(r"\{\{ value_json(\S+) \}\}", recipe)
    value: Any = json.loads(stream.fetch(path).text)
    for field, index in re.findall(r"\.(\w+)|\[(\d+)\]", template):
        value = value[field] if field else value[int(index)]
    assert isinstance(value, int)


def test_the_tables_name_what_there_is() -> None:
    """Every path, and every parameter that the refusal of another one names."""
    heading = "Pictures in any player"
    named = PLAYERS.first_column(heading)
    assert {each for each in named if each.startswith("/")} == {MJPEG, *STILLS, "/api/last"}
    with pytest.raises(InvalidQuery) as raised:
        parse_picture("other=1", "jpeg", paced=True)
    known = set(re.findall(r"\w+", str(raised.value).split("there are ")[1])) - {"and"}
    assert {each.partition("=")[0] for each in named if "=" in each} == known
