"""The files of a package with a sink or source of one's own, as `beats init --sink NAME` writes them."""

from collections.abc import Mapping
from pathlib import Path
from string import Template
from typing import Final, Literal, NamedTuple

Role = Literal["sink", "source"]


class Plugin(NamedTuple):
    """A package to write."""

    role: Role
    name: str
    """The type in a profile: lower-case letters, digits and underscores."""

    @property
    def folder(self) -> Path:
        """The folder of the package."""
        return Path(f"beats-{self.name.replace('_', '-')}")

    def files(self) -> Mapping[Path, str]:
        """The text of each file, by its place below the folder."""
        words = {
            "role": self.role,
            "ROLE": self.role.upper(),
            "name": self.name,
            "Name": "".join(part.capitalize() for part in self.name.split("_")),
            "project": self.folder.name,
            "package": f"beats_{self.name}",
        }
        package, tests = Path(words["package"]), Path("tests")
        templates = {
            Path("pyproject.toml"): _PROJECT,
            Path("README.md"): _README,
            package / "__init__.py": _PACKAGE,
            package / "py.typed": "",
            package / f"{self.role}.py": _ADAPTERS[self.role],
            tests / f"test_{self.name}.py": _TESTS[self.role],
            Path("config") / f"{self.name}.toml": _PROFILES[self.role],
        }
        return {place: Template(text).substitute(words) for place, text in templates.items()}


_PROJECT: Final = """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "$project"
version = "0.1.0"
description = "The $role `$name` for Beats."
readme = "README.md"
requires-python = ">= 3.11"
dependencies = ["beats"]

[project.optional-dependencies]
test = ["pytest"]

# Beats finds the $role by this entry: its name is the `type` in a profile.
[project.entry-points."beats.${role}s"]
$name = "$package.$role"

[tool.hatch.build.targets.wheel]
packages = ["$package"]
"""

_README: Final = """\
# $project

The $role `$name` for Beats.

```sh
pip install -e '.[test]'
pytest
beats run --profile $name
```

`beats adapters` lists its settings, `$package/$role.py` is its code, and `config/$name.toml` the profile.
"""

_PACKAGE: Final = '"""The $role `$name` for Beats."""\n'

_SINK: Final = '''\
"""Sink `$name`: a line of text for each envelope."""

from pathlib import Path
from typing import Final

from beats.config.settings import SinkSettings
from beats.kernel.ports import Batches, Context, SinkKind
from beats.kernel.resources import Output, Resources


class ${Name}Settings(SinkSettings):
    """What a profile can set; the text below a field is its help in `beats adapters`."""

    path: Path = Path("$name.txt")
    """The file to write; an older one is replaced."""

    def resources(self, profile: str) -> Resources:
        """A file that no other sink may write: `beats config check` finds two that would."""
        return Resources(outputs=(Output("path", self.path),))


class ${Name}Sink:
    """Gets envelopes in batches from a queue of its own."""

    def __init__(self, settings: ${Name}Settings, context: Context) -> None:
        """Keep the settings; nothing is opened here."""
        self._path: Final = settings.path

    async def run(self, queue: Batches) -> None:
        """Open, deliver until the queue ends, and close. An exception restarts it, with growing pauses."""
        with self._path.open("w", encoding="utf-8") as file:
            async for batch in queue:
                for envelope in batch:
                    file.write(f"{envelope.topic} {envelope.sequence} {len(envelope.encoded)} bytes\\n")
                file.flush()


SINK: Final = SinkKind(settings=${Name}Settings, sink=${Name}Sink, summary="A line of text for each envelope")
'''

_SOURCE: Final = '''\
"""Source `$name`: a level that goes up and down."""

import math
from typing import Annotated, Final

import anyio
from pydantic import Field

from beats.config.settings import SourceSettings
from beats.kernel.envelope import Peripheral
from beats.kernel.ports import Context, Publish, SourceKind


class ${Name}Settings(SourceSettings):
    """What a profile can set; the text below a field is its help in `beats adapters`."""

    rate_hz: Annotated[float, Field(gt=0, le=1000)] = 10.0
    """Updates per second."""
    period_s: Annotated[float, Field(gt=0)] = 5.0
    """Seconds from one peak of the level to the next."""


class ${Name}Source:
    """Publishes on the bus; every sink and viewer gets what it publishes."""

    def __init__(self, settings: ${Name}Settings, context: Context) -> None:
        """Keep the settings; nothing is opened here."""
        self._settings: Final = settings
        self._name: Final = context.name

    async def run(self, publish: Publish) -> None:
        """Publish until cancelled; to return means that the source is done."""
        step = 0
        while True:
            phase = step / self._settings.rate_hz / self._settings.period_s
            await publish(Peripheral(self._name, {"level": round(0.5 + 0.5 * math.sin(math.tau * phase), 3)}))
            await anyio.sleep(1 / self._settings.rate_hz)
            step += 1


SOURCE: Final = SourceKind(
    settings=${Name}Settings, source=${Name}Source, summary="A level that goes up and down"
)
'''

_ADAPTERS: Final[Mapping[Role, str]] = {"sink": _SINK, "source": _SOURCE}

_SINK_TEST: Final = '''\
"""The sink `$name`."""

from pathlib import Path

import pytest
from beats.kernel.envelope import Frame, Peripheral
from beats.kernel.testing import check_kind, check_sink, context
from beats.proto.codec import StreamCodec

from $package.sink import SINK, ${Name}Settings, ${Name}Sink

PICTURE = Frame(b"\\x89PNG\\r\\n\\x1a\\n")
MESSAGES = [each for value in range(20) for each in (Peripheral("knob", value), PICTURE)]


@pytest.fixture
def settings(tmp_path: Path) -> ${Name}Settings:
    return ${Name}Settings(type="$name", path=tmp_path / "out.txt")


def test_it_keeps_the_contract_of_every_sink(settings: ${Name}Settings) -> None:
    """It takes all of its queue, ends with it, and leaves nothing open."""
    check_kind(SINK, settings)
    check_sink(lambda: ${Name}Sink(settings, context("$name")), MESSAGES, StreamCodec(), SINK.metrics)


def test_each_envelope_is_a_line(settings: ${Name}Settings) -> None:
    """With topic, number and size."""
    check_sink(lambda: ${Name}Sink(settings, context("$name")), [Peripheral("knob", 1)], StreamCodec())
    assert settings.path.read_text().startswith("peripheral/knob 1 ")
'''

_SOURCE_TEST: Final = '''\
"""The source `$name`."""

import anyio
from beats.kernel.envelope import Peripheral
from beats.kernel.testing import PublishRecorder, check_kind, check_source, context
from beats.proto.codec import StreamCodec

from $package.source import SOURCE, ${Name}Settings, ${Name}Source


def test_it_keeps_the_contract_of_every_source() -> None:
    """It publishes what can be encoded, and leaves nothing open when it is cancelled."""
    settings = ${Name}Settings(type="$name")
    check_kind(SOURCE, settings)
    check_source(lambda: ${Name}Source(settings, context("$name")), StreamCodec(), SOURCE.metrics)


def test_it_begins_in_the_middle() -> None:
    """The first level is 0.5, under the name that the profile gives it."""
    published = PublishRecorder()

    async def main() -> None:
        source = ${Name}Source(${Name}Settings(type="$name", rate_hz=1000), context("lamp"))
        with anyio.move_on_after(0.1):
            await source.run(published)

    anyio.run(main)
    assert published.messages[0] == Peripheral("lamp", {"level": 0.5})
'''

_TESTS: Final[Mapping[Role, str]] = {"sink": _SINK_TEST, "source": _SOURCE_TEST}

_SINK_PROFILE: Final = """\
# `beats run --profile $name`: the demo in a browser, and into the sink `$name`.
[sinks.$name]
type = "$name"
"""

_SOURCE_PROFILE: Final = """\
# `beats run --profile $name`: the source `$name` in a browser, in place of the demo.
[sources.demo]
enabled = false

[sources.$name]
type = "$name"
"""

_PROFILES: Final[Mapping[Role, str]] = {"sink": _SINK_PROFILE, "source": _SOURCE_PROFILE}
