"""A kernel that is built from a profile."""

import json
from pathlib import Path
from typing import Any, Final

import pytest

from beats.config.errors import SettingsError
from beats.config.load import load_profile
from beats.config.settings import ProfileSettings, SinkSettings, SourceSettings
from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.errors import StartError
from beats.kernel.ports import Context
from beats.kernel.run.kernel import Kernel
from beats.kernel.stats import Stats
from beats.runtime.builder import Builder, RuntimeView
from beats.runtime.registry import SINKS, SOURCES, InstalledAdapters
from tests.support import STUCK_SINK, install_adapter, quiet


def profile(overrides: dict[str, Any]) -> ProfileSettings:
    return load_profile(InstalledAdapters(), environ={}, overrides=overrides)


def assemble(settings: ProfileSettings) -> Kernel:
    builder = Builder(settings)
    builder.add_all()
    return builder.kernel


def test_every_adapter_has_settings_of_its_group_and_a_summary() -> None:
    """The settings of each adapter derive from what all sinks, or all sources, have."""
    for name in SINKS.names():
        assert issubclass(InstalledAdapters().settings("sinks", name), SinkSettings)
        assert SINKS.find(name).summary
    for name in SOURCES.names():
        assert issubclass(InstalledAdapters().settings("sources", name), SourceSettings)
        assert SOURCES.find(name).summary


def test_an_installed_package_adds_an_adapter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sink of another package is found by its entry point, checked and built like ours."""
    install_adapter(tmp_path, "sinks", "stuck", STUCK_SINK, monkeypatch)
    assert "stuck" in InstalledAdapters().names("sinks")
    kernel = assemble(profile({"sinks": {"mine": {"type": "stuck"}}}))
    assert type(kernel.sinks["mine"]).__name__ == "StuckSink"


def test_an_adapter_that_breaks_the_contract_is_a_fault_of_the_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error says what is wrong with it, and where it is named."""
    install_adapter(tmp_path, "sinks", "hollow", "SINK = 5\n", monkeypatch)
    install_adapter(tmp_path, "sinks", "needy", "import a_package_that_nobody_has\n", monkeypatch)
    with pytest.raises(SettingsError) as caught:
        profile({"sinks": {"a": {"type": "hollow"}, "b": {"type": "needy"}}})
    assert "sinks.a.type" in str(caught.value)
    assert "SinkKind" in str(caught.value)
    assert "pip install a_package_that_nobody_has" in str(caught.value)


def test_a_class_that_cannot_be_imported_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The operator reads which sink needs what."""
    lazy = STUCK_SINK.replace("sink=StuckSink", "sink='beats_lazy_server:Server'")
    install_adapter(tmp_path, "sinks", "lazy", lazy, monkeypatch)
    (tmp_path / "beats_lazy_server.py").write_text("import a_package_that_nobody_has")
    settings = profile({"sinks": {"mine": {"type": "lazy"}}})
    with pytest.raises(StartError, match=r"sink 'mine': .* pip install a_package_that_nobody_has"):
        assemble(settings)


def test_a_kernel_has_the_sinks_and_sources_of_its_profile() -> None:
    """Under the names in the settings; what is switched off is not there."""
    kernel = assemble(profile(quiet(null={"type": "null"}, off={"type": "null", "enabled": False})))
    assert list(kernel.sinks) == ["browser", "null"]
    stats = kernel.stats()
    assert stats.sources == ()
    assert [sink.name for sink in stats.sinks] == ["browser", "null"]
    kernel = assemble(profile({"sources": {"second": {"type": "demo"}}}))
    assert [source.name for source in kernel.stats().sources] == ["demo", "second"]


def test_the_kernel_settings_reach_the_kernel() -> None:
    """Each setting of `kernel` that concerns the kernel itself is passed on."""
    given = {
        "shutdown_timeout_s": 1.5,
        "restart_initial_s": 0.25,
        "restart_max_s": 7.0,
        "max_topics": 3,
        "when_sources_end": "stay",
    }
    options = assemble(profile({"kernel": given})).options
    assert options.shutdown_timeout_s == 1.5
    assert (options.backoff.initial_s, options.backoff.max_s) == (0.25, 7.0)
    assert options.max_topics == 3
    assert options.when_sources_end == "stay"


def test_assembling_does_no_io(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Before a kernel runs, nothing listens, no file exists, and nothing is published."""
    monkeypatch.chdir(tmp_path)
    kernel = assemble(profile(quiet(tape={"type": "recorder", "path": "tape.mcap"})))
    assert list(tmp_path.iterdir()) == []
    assert getattr(kernel.sinks["browser"], "address", 0) is None
    stats = kernel.stats()
    assert isinstance(stats, Stats)
    assert stats.published == 0


NOSY_SINK: Final = """
from beats.config.settings import SinkSettings
from beats.kernel.ports import SinkKind


class NosySettings(SinkSettings):
    pass


class NosySink:
    def __init__(self, settings, context):
        self.context = context

    async def run(self, queue):
        pass


SINK = SinkKind(settings=NosySettings, sink=NosySink, summary="keeps its context")
"""


def told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overrides: dict[str, Any]
) -> tuple[Context, Kernel]:
    """What a sink knows of the kernel that runs it."""
    install_adapter(tmp_path, "sinks", "nosy", NOSY_SINK, monkeypatch)
    kernel = assemble(profile({**overrides, "sinks": {**overrides["sinks"], "nosy": {"type": "nosy"}}}))
    context = getattr(kernel.sinks["nosy"], "context", None)
    assert isinstance(context, Context)
    return context, kernel


def test_an_adapter_is_told_the_settings_without_their_secrets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As values that JSON can hold, for recordings."""
    secrets = {"port": 0, "token": "let-me-in", "control_token": "steer-me"}
    overrides = {"sources": {"demo": {"fps": 12.5}}, "sinks": {"browser": secrets}}
    context, _ = told(tmp_path, monkeypatch, overrides)
    text = json.dumps(context.settings)
    assert "let-me-in" not in text
    assert "steer-me" not in text
    about = json.loads(text)
    assert set(about) == {"sources", "sinks"}
    assert about["sinks"]["browser"]["control_token"] == "*" * 10
    assert about["sinks"]["browser"]["port"] == 0
    assert about["sources"]["demo"]["fps"] == 12.5
    assert (context.name, context.profile) == ("nosy", "default")


def test_an_adapter_is_told_the_commands_of_the_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sinks are built before sources, so it is the kernel's own mapping."""
    replay = {"demo": {"enabled": False}, "tape": {"type": "replay", "path": "a.mcap"}}
    context, kernel = told(tmp_path, monkeypatch, {**quiet(), "sources": replay})
    assert set(context.commands) == {"replay_pause", "replay_speed", "replay_seek"}
    assert context.commands is kernel.commands


ELSEWHERE = Stats(7, 3, (), ())


def elsewhere(*, clients: bool = True) -> Stats:
    return ELSEWHERE


def test_sinks_see_the_whole_run() -> None:
    """Their commands and counters are those of the view, not those of their kernel."""
    heard: list[Control] = []
    builder = Builder(profile(quiet()), view=RuntimeView(heard.append, {"seek": dict}, elsewhere))
    context = builder._context("browser")  # pyright: ignore[reportPrivateUsage] - what it gives each sink
    control = Control("seek", {}, ClientIdentity("browser", 1, "host:1"))
    context.control(control)
    assert heard == [control]
    assert dict(context.commands) == {"seek": dict}
    assert context.stats() == ELSEWHERE
