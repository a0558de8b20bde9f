"""What holds for all tests."""

import gc
import logging
import os
import signal
import sys
from collections.abc import Generator
from typing import Any, Final

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling  # pyright: ignore[reportMissingTypeStubs] # ships no types

# Each worker collects thousands of tests, which stay: looking for garbage among them took 2 of 5 seconds.
gc.disable()

# Locally a fifth of the examples; CI draws all of them (tests/support/drawing.py).
if os.environ.get("CI") != "true":
    settings.register_profile("quick", max_examples=20)
    settings.load_profile("quick")

# A shell ignores Ctrl-C in what it starts with `&`, and `nohup` ignores SIGHUP: every command that a test
# starts would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@pytest.fixture(autouse=True)
def _no_settings_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of the person who runs the tests change no outcome."""
    for name in list(os.environ):
        if name.startswith("BEATS_"):
            monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def _log_as_it_was() -> Generator[None]:
    """A test that runs a command in this process leaves its log to no other."""
    root, ours = logging.getLogger(), logging.getLogger("beats")
    levels, handlers, hook = (root.level, ours.level), root.handlers[:], sys.excepthook
    yield
    root.setLevel(levels[0])
    ours.setLevel(levels[1])
    sys.excepthook = hook
    for handler in root.handlers[:]:
        if handler not in handlers and not type(handler).__module__.startswith("_pytest"):
            root.removeHandler(handler)


def pytest_collection_finish() -> None:
    """From now on garbage is collected, as in a user's process; what was made until here is not looked at."""
    gc.freeze()
    gc.enable()


_BROWSER: Final = "tests/browser"
_LONGEST_FIRST: Final = (_BROWSER, "tests/system", "tests/docs", "tests/cli")


class WholeFiles(LoadFileScheduling):  # type: ignore[misc] # ships no types
    """Whole files side by side. Those of the page in two halves: each worker with one starts a browser."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        if not file.startswith(f"{_BROWSER}/"):
            return file
        return f"{_BROWSER}, {'first' if file < f'{_BROWSER}/test_m' else 'second'} half"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> WholeFiles | None:
    """See `WholeFiles`."""
    return WholeFiles(config, log) if config.getoption("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, so that no worker begins with it when the others are about to end."""
    items.sort(key=lambda item: _rank(item.nodeid))


def _rank(nodeid: str) -> int:
    ranks = (number for number, folder in enumerate(_LONGEST_FIRST) if nodeid.startswith(f"{folder}/"))
    return next(ranks, len(_LONGEST_FIRST))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """What a test logs or prints can be sent to another process, whatever it holds (half surrogate pairs)."""
    report = yield
    report.sections = [
        (title, text.encode(errors="backslashreplace").decode()) for title, text in report.sections
    ]
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """In CI, say which tests were skipped although the machine should be able to run them."""
    for report in _skipped(terminalreporter):
        terminalreporter.write_line(f"skipped in CI: {report.nodeid}: {report.longrepr}", red=True)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """In CI, a skipped test is a failure."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None and exitstatus == 0 and _skipped(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _skipped(reporter: pytest.TerminalReporter) -> list[pytest.TestReport]:
    return reporter.stats.get("skipped", []) if os.environ.get("CI") == "true" else []
