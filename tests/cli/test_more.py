"""Errors end with the page of the documentation that helps."""

import errno
import json
import re
import socket
import sys
from pathlib import Path

import pytest

from beats.cli.more import More, of_problems, of_start
from beats.config.errors import Problem
from beats.config.settings import KernelSettings, ProfileSettings
from beats.kernel.errors import MissingPackageError, StartError
from beats.runtime import conflicts
from beats.runtime.registry import SINKS, SOURCES
from tests.docs.documents import DOCUMENTS
from tests.recordings.export.material import RED, film, record
from tests.support import called, install_adapter

DECLARED = {
    f"{role} {name}": catalogue.find(name).docs
    for role, catalogue in (("sink", SINKS), ("source", SOURCES))
    for name in catalogue.names()
}
SINK = """
from beats.config.settings import SinkSettings
from beats.kernel.ports import SinkKind


class Settings(SinkSettings):
    level: int


SINK = SinkKind(settings=Settings, sink=lambda settings, context: None, summary="for a test"{docs})
"""


def more(err: str) -> str:
    """The pages that an error ends with; it names them once."""
    *lines, last = err.splitlines()
    assert lines
    assert not any(line.startswith("More: ") for line in lines)
    found = re.fullmatch("More: (.+)", last)
    assert found is not None, err
    return found[1].replace("beats docs ", "")


@pytest.mark.parametrize(
    "place", [*More, *DECLARED.values()], ids=[*(each.name for each in More), *DECLARED.keys()]
)
def test_each_page_that_is_named_exists(place: str) -> None:
    """Those of the command, and those that sinks and sources declare: all of ours do."""
    page, _, heading = place.partition("#")
    document = DOCUMENTS[f"docs/{page}.md"]
    assert not heading or heading in document.anchors


@pytest.mark.parametrize(
    ("setting", "page"),
    [
        ("sinks.browser.port=many", "websocket"),
        ("sinks.browser.tls_cert=7", "websocket#safe-on-a-network"),
        ("sinks.browser={type='websocket', token={a=1}}", "websocket#safe-on-a-network"),
        ("sinks.browser.require_token=true", "websocket#safe-on-a-network"),
        ("sinks.browser=7", "settings#sinks"),
        ("sinks.browser.queue.size=0", "queues"),
        ("sinks.browser.type=brouser", "settings#sinks"),
        ("sinks.wall={type='ddp', size=3}", "led"),
        ("sinks.broker={type='mqtt', tls_cert=7}", "mqtt"),
        ("sinks.tape={type='recorder', fsync='perhaps'}", "recording"),
        ("sinks.relay={type='nats', token={a=1}}", "relay"),
        ("sources.demo.fps=many", "sources"),
        ("sources.demo.transforms.rotate=1", "sources#changes-on-the-way"),
        ("sources.wall={type='screen', fps=0}", "sources#screens"),
        ("sources.old=7", "sources"),
        ("kernel.log_level=LOUD", "operation#logs"),
        ("kernel.shutdown_timeout_s=-1", "operation#run"),
        ("pixels.quality=0", "settings#pixels"),
        ("nonsense", "settings#layers"),
    ],
)
def test_a_wrong_setting_names_the_page_about_it(tmp_path: Path, setting: str, page: str) -> None:
    """Or the page about the sink or source that has it."""
    code, _, err = called("config", "check", "--set", setting, cwd=tmp_path)
    assert (code, more(err)) == (78, page)


def test_several_faults_have_one_line(tmp_path: Path) -> None:
    """With each page once, and with three at most."""
    wrong = (
        "pixels.quality=0",
        "pixels.workers=0",
        "kernel.watch=7",
        "sinks.browser.port=many",
        "sources.a=1",
    )
    code, _, err = called("config", "check", *(f"--set={each}" for each in wrong), cwd=tmp_path)
    assert code == 78
    assert len(err.splitlines()) == 6
    assert len(more(err).split(", ")) == 3


def test_a_profile_that_is_not_there_names_the_page_about_profiles(tmp_path: Path) -> None:
    """By every command that reads one."""
    for command in (("run",), ("config", "check"), ("config", "show"), ("record",)):
        code, _, err = called(*command, "--profile", "hal", cwd=tmp_path)
        assert (code, more(err)) == (78, "settings#profiles")


def test_a_warning_that_counts_names_no_page(tmp_path: Path) -> None:
    """It has no setting to go by."""
    arguments = ("--strict", "--set", "sinks.browser.host=0.0.0.0", "--set", "sinks.browser.port=0")
    code, _, err = called("config", "check", *arguments, cwd=tmp_path)
    assert code == 78
    assert "More" not in err


def test_a_package_that_is_missing_names_the_extras(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever setting needs it."""

    def missing(name: str) -> None:
        """As `find_spec` for a package that is not installed."""

    monkeypatch.setattr(conflicts, "find_spec", missing)
    for command in (("run",), ("config", "check")):
        code, _, err = called(*command, "--set", "sinks.broker={type='mqtt'}", cwd=tmp_path)
        assert (code, more(err)) == (78, "install#extras")


@pytest.mark.parametrize(
    ("docs", "named"),
    [
        (', docs="https://lamp.example/beats"', ["More: https://lamp.example/beats"]),
        (', docs="queues"', ["More: beats docs queues"]),
        ("", []),
    ],
)
def test_a_plug_in_names_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, docs: str, named: list[str]
) -> None:
    """A URL or a page of ours, or nothing; `beats adapters` shows it, too."""
    install_adapter(tmp_path / "site", "sinks", "lamp", SINK.replace("{docs}", docs), monkeypatch)
    code, _, err = called("config", "check", "--set", "sinks.lamp={type='lamp', level='x'}", cwd=tmp_path)
    assert code == 78
    assert err.splitlines()[1:] == named


@pytest.mark.parametrize(
    ("arguments", "code", "page"),
    [
        (("reload",), 1, "operation#signals"),
        (("snapshot",), 1, "operation#signals"),
        (("export", "empty", "--gif", "a.gif"), 1, "recording#cut-export-recover"),
        (("recover", "text.mcap", "new.mcap"), 1, "recording#cut-export-recover"),
        (("run", "text.gif"), 2, "sources#pictures"),
        (("run", "--broker", "nats://127.0.0.1"), 2, "relay#every-core-of-one-machine"),
        (("run", "--profile", "headless", "--workers", "2"), 78, "relay#every-core-of-one-machine"),
        (("replay", "none.mcap"), 2, "recording#replay"),
        (("info", "text.mcap"), 1, "recording#cut-export-recover"),
        (("export", "empty", "--frames", "none/f"), 2, "recording#cut-export-recover"),
        (("config", "get", "sinks.browser.prt"), 1, "settings#layers"),
        (("config", "chekc"), 2, "beats config --help, settings#layers"),
        (("docs", "nosuch"), 2, "operation#find-out-what-is-wrong"),
        (("rnu",), 2, "beats --help, operation#run"),
        (("--nosuch",), 2, "beats --help, operation#run"),
        (("run", "--duration", "5x"), 2, "beats run --help, operation#run"),
        (("init", "--sink", "My-Lamp"), 78, "plugins#a-package-of-your-own"),
        (("top", "--once", "127.0.0.1:1"), 1, "operation#watch-a-running-beats-from-a-terminal"),
        (("tap", "127.0.0.1:1"), 1, "operation#watch-a-running-beats-from-a-terminal"),
    ],
)
def test_a_command_that_fails_names_a_page(
    tmp_path: Path, arguments: tuple[str, ...], code: int, page: str
) -> None:
    """After its error, on standard error."""
    (tmp_path / "empty").mkdir()
    for file in ("text.gif", "text.mcap"):
        (tmp_path / file).write_text("no picture, and no recording")
    ended, _, err = called(*arguments, cwd=tmp_path, XDG_RUNTIME_DIR=str(tmp_path))
    assert (ended, more(err)) == (code, page)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("rnu",), "there is no command 'rnu'; did you mean 'run'?"),
        (("run", "--duration", "5x"), '--duration is "5x": must be a number'),
        (("run", "--workers", "0"), '--workers is "0": must be at least 1'),
        (("top", "--log-format", "jsn"), "No such option: --log-format"),
        (("run", "--log-format", "jsn"), "--log-format: 'jsn' is not one of 'human', 'json'."),
    ],
)
def test_wrong_usage_is_worded_as_wrong_settings_are(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    """In one line, with the value, and what would be right."""
    _, _, err = called(*arguments, cwd=tmp_path)
    assert err.splitlines()[0] == said


def test_a_group_without_a_command_shows_its_help(tmp_path: Path) -> None:
    """And no error."""
    code, out, err = called("config", cwd=tmp_path)
    assert (code, out.strip().startswith("Usage: beats config"), err) == (2, True, "")


def test_a_certificate_that_is_not_there_names_the_page_about_networks(tmp_path: Path) -> None:
    """The run ends when the sink opens it; so does a check, before."""
    tls = ("--set", "sinks.browser.tls_cert=none.pem", "--set", "sinks.browser.tls_key=none.pem")
    code, _, err = called("config", "check", *tls, cwd=tmp_path)
    assert (code, more(err)) == (78, "websocket#safe-on-a-network")
    code, _, err = called("run", *tls, "--set", "sinks.browser.port=0", cwd=tmp_path)
    assert (code, more(err)) == (78, "websocket#safe-on-a-network")


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["alone", "workers"])
@pytest.mark.parametrize(
    ("setting", "code"),
    [
        ("port=0, token_file='none'", 78),
        ("port=0, token_file='empty'", 78),
        ("port=0, tls_cert='text', tls_key='text'", 78),
        ("port=0, host='no.such.host.invalid'", 1),
        ("port={port}", 1),
    ],
)
def test_a_start_that_needs_other_settings_ends_with_their_exit_code(
    tmp_path: Path, setting: str, code: int, workers: tuple[str, ...]
) -> None:
    """The service manager does not start it again; a port or name may be right a minute later."""
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("no certificate")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        given = setting.format(port=taken.getsockname()[1])
        sink = f"sinks.browser={{type='websocket', {given}}}"
        ended, _, err = called("run", *workers, "--set", sink, cwd=tmp_path)
    assert (ended, "could not start" in err) == (code, True)


def test_a_package_that_an_export_lacks_is_a_matter_of_the_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one that a profile lacks."""
    monkeypatch.setitem(sys.modules, "av", None)
    record(tmp_path / "a.mcap", film(RED))
    code, _, err = called("export", "a.mcap", "--mp4", "a.mp4", cwd=tmp_path)
    assert (code, more(err)) == (78, "install#extras")


def test_a_sink_that_cannot_start_names_its_page(tmp_path: Path) -> None:
    """Such as a recorder that may not write."""
    (tmp_path / "file").write_text("no folder")
    settings = ("sinks.browser.enabled=false", "sinks.tape={type='recorder', path='file/a.mcap'}")
    code, _, err = called("run", *(f"--set={each}" for each in settings), cwd=tmp_path)
    assert (code, more(err)) == (78, "recording")


def test_why_a_run_could_not_start_is_looked_for_in_its_causes() -> None:
    """A port that is in use, of whatever sink; a package that is missing."""
    settings = ProfileSettings("a", KernelSettings(), {}, {})
    for cause, page in (
        (OSError(errno.EADDRINUSE, "in use"), More.PORTS),
        (MissingPackageError("pip install x"), More.PACKAGES),
    ):
        between, error = ValueError(), StartError("sink 'a' could not start")
        error.__cause__, between.__cause__ = between, cause
        assert of_start(error, [], settings, has_workers=True) == [page]
    assert of_start(StartError(""), [], settings, has_workers=True) == [More.WORKERS]
    assert of_start(StartError(""), [], settings, has_workers=False) == []


def test_a_key_of_every_sink_needs_no_type() -> None:
    """As a short variable has it."""
    assert of_problems([Problem("BEATS_STREAM_QUEUE_SIZE", "sinks.*.queue.size", "0", "is wrong")]) == [
        "queues"
    ]


def test_a_log_in_json_has_no_line_of_its_own(tmp_path: Path) -> None:
    """Programs read it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = f"sinks.browser.port={taken.getsockname()[1]}"
        arguments = ("--log-format", "json", "--set", port, "--set", "sinks.browser.host=127.0.0.1")
        code, _, err = called("run", *arguments, cwd=tmp_path)
    assert code == 1
    assert "in use" in json.loads(err.splitlines()[-1])["message"]
    assert "More" not in err
