"""Adapters, folders and a way to write TOML, for the tests of the settings."""

import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from hypothesis import settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, SecretStr, model_validator

from beats.config.checks.validation import Inspected
from beats.config.errors import Problem, SettingsError
from beats.config.load import inspect_profile, load_profile
from beats.config.schema import Group
from beats.config.settings import ProfileSettings, QueueSettings, SinkSettings, SourceSettings
from beats.config.toml_text import key_text, value_text

ALIASES: Final[Mapping[str, str]] = {
    "BEATS_STREAM_QUEUE_SIZE": "queue.size",
    "BEATS_STREAM_QUEUE_OVERFLOW": "queue.overflow",
    "BEATS_WEBSOCKET_BIND_HOST": "host",
    "BEATS_WEBSOCKET_ENABLED": "enabled",
    "BEATS_WEBSOCKET_HOST": "public_host",
    "BEATS_WEBSOCKET_PORT": "port",
}


class WebsocketSettings(SinkSettings):
    host: str = "localhost"
    public_host: str = "localhost"
    port: Annotated[int, Field(ge=0, le=65535)] = 8765
    stall_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    client_queue: QueueSettings | None = None
    origins: tuple[str, ...] = ("http://localhost",)
    token: SecretStr | None = None
    require_token: bool = False
    compress: bool = False

    @model_validator(mode="after")
    def _refuse_block(self) -> Self:
        if self.client_queue is not None and self.client_queue.overflow == "block":
            raise ValueError("client_queue.overflow must not be 'block': no producer waits for one client")
        return self


class RecorderSettings(SinkSettings):
    path: str = "recordings/{profile}.mcap"
    idle: bool = False


class NullSettings(SinkSettings):
    pass


class DdpSettings(SinkSettings):
    host: tuple[str, ...]
    size: tuple[int, int]
    preview: str | None = None


class VideoSettings(SourceSettings):
    input: str


class ScreenSettings(SourceSettings):
    pass


class DemoSettings(SourceSettings):
    fps: Annotated[float, Field(gt=0)] = 30.0
    width: int = 64
    height: int = 64
    seed: int = 0
    size: int | Literal["auto"] = "auto"


class ImagesSettings(SourceSettings):
    path: str


class ReplaySettings(SourceSettings):
    path: str
    loop: bool = False


class NatsSourceSettings(SourceSettings):
    servers: tuple[str, ...] = ()


class OscSettings(SourceSettings):
    host: str = "127.0.0.1"
    port: int = 9000
    controls: Mapping[str, str] = Field(default_factory=dict[str, str])


class SacnSourceSettings(SourceSettings):
    size: tuple[int, int]


class MqttSourceSettings(SourceSettings):
    host: str = ""
    topics: tuple[str, ...] = ()


class MqttSinkSettings(SinkSettings):
    host: str = ""
    discovery: bool = False
    pictures: bool = False


class NatsSinkSettings(SinkSettings):
    servers: tuple[str, ...] = ()


class FakeAdapters:
    """Adapters with settings and nothing else; `missing` types need a package that is not installed."""

    def __init__(self, *missing: str) -> None:
        self._missing = missing
        self._models: dict[Group, dict[str, type[BaseModel]]] = {
            "sources": {"demo": DemoSettings, "images": ImagesSettings, "replay": ReplaySettings},
            "sinks": {"null": NullSettings, "recorder": RecorderSettings, "websocket": WebsocketSettings},
        }

    def add(self, group: Group, name: str, model: type[BaseModel]) -> Self:
        self._models[group][name] = model
        return self

    def names(self, group: Group) -> Sequence[str]:
        return sorted([*self._models[group], *self._missing])

    def settings(self, group: Group, type_name: str) -> type[BaseModel]:
        if type_name in self._missing:
            raise ImportError(f"adapter '{type_name}' needs a package: pip install {type_name}")
        return self._models[group][type_name]

    def env_aliases(self, group: Group, type_name: str) -> Mapping[str, str]:
        if type_name in self._missing:
            raise ImportError(type_name)
        return ALIASES if (group, type_name) == ("sinks", "websocket") else {}


class House:
    """A folder of profiles, with the other arguments of a start."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.adapters = FakeAdapters()
        self.profile: str | None = None
        self.environ: dict[str, str] = {}
        self.overrides: dict[str, object] | None = None
        self.sets: list[str] = []
        self.sources: dict[str, object] | None = None

    def write(self, name: str, text: str) -> Path:
        """Write `<name>.toml`; unless it is local, it becomes the profile to load."""
        path = self.folder / f"{name}.toml"
        path.write_text(text, encoding="utf-8")
        if name != "local":
            self.profile = name
        return path

    def load(self) -> ProfileSettings:
        return load_profile(
            self.adapters,
            profile=self.profile,
            config_dir=self.folder,
            environ=self.environ,
            overrides=self.overrides,
            sets=self.sets,
            replace_sources=self.sources,
        )

    def inspect(self, profile: str | None = None) -> Inspected:
        """The settings with their origins."""
        return inspect_profile(
            self.adapters,
            profile=profile or self.profile,
            config_dir=self.folder,
            environ=self.environ,
            sets=self.sets,
        )

    def problems(self) -> list[Problem]:
        """The problems; fails when there are none."""
        try:
            loaded = self.load()
        except SettingsError as error:
            return list(error.problems)
        raise AssertionError(f"no problem in {loaded}")

    def problem(self) -> Problem:
        """The only problem."""
        [problem] = self.problems()
        return problem

    def browser(self) -> WebsocketSettings:
        """The settings of the sink `browser`."""
        found = self.load().sinks["browser"]
        assert isinstance(found, WebsocketSettings)
        return found


def to_document(table: Mapping[str, object]) -> str:
    """A table as a TOML file."""
    return "".join(f"{key_text(key)} = {value_text(value)}\n" for key, value in table.items())


EXPLORE: Final = settings(deadline=None)  # a busy machine is not a failure
TEXTS: Final = st.one_of(
    st.text(),
    st.text(string.digits, min_size=1),
    st.sampled_from(["@int 3", "@del", "@none", "dynaconf_merge", "1e5", "true", "2024-01-01", "{this.X}"]),
)
"""Texts, also those that mean something to dynaconf."""
VALUES: Final = st.recursive(
    st.one_of(
        TEXTS,
        st.booleans(),
        st.integers(-(2**63), 2**63 - 1),
        st.floats(allow_nan=False),
        st.dates(),
        st.datetimes().map(lambda moment: moment.replace(fold=0)),  # TOML has no way to write the fold
        st.times().map(lambda moment: moment.replace(fold=0)),
    ),
    lambda below: st.one_of(st.lists(below, max_size=3), st.dictionaries(TEXTS, below, max_size=3)),
    max_leaves=6,
)
"""Every value of TOML."""
