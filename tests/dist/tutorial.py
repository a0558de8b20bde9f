"""Follows docs/tutorial.md to the letter, at a terminal and at a browser, in an empty home.

`python -m tests.dist.tutorial`, after `make sbom`, prints how long each step takes.
"""

import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy
from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import launch
from tests.browser.stage import tabs
from tests.browser.tab import AWAY, REFUSED, Tab
from tests.cli.terminal import Terminal, opened
from tests.dist.files import WHEEL, environment
from tests.docs.documents import DOCUMENTS
from tests.support.nats import free_port
from tests.support.qr import read_by_a_phone

TEXT: Final = DOCUMENTS["docs/tutorial.md"].text
HEADINGS: Final[list[str]] = re.findall(r"^## (\d+\. .*)$", TEXT, re.MULTILINE)
_SECTION: Final = re.compile(r"^## (\d+\. [^\n]*)(.*?)(?=^## )", re.MULTILINE | re.DOTALL)
_TOLD: Final = re.compile(
    r"([^\n]*)\n\n```(\w+)\n(.*?)^```$|`([^`\n]*python wall\.py)`", re.MULTILINE | re.DOTALL
)
_ABOVE: Final = re.compile(r" above `(.*)`:$| above `(.*:)`$")
_PROMPT: Final = r"\[(\d+)\] > "
"""It shows the exit code of the last command."""
_OPEN: Final = r"open (http://\S+)\n"
"""What the program prints."""
_SHELL: Final = ("bash", "--norc", "--noprofile", "--noediting", "-i")
_CTRL_C: Final = "\x03"
_TOKEN: Final = "choose-a-word"
_PHONE: Final[dict[str, Any]] = {
    "viewport": {"width": 390, "height": 844},
    "device_scale_factor": 3,
    "is_mobile": True,
    "has_touch": True,
}
_LONGEST_S: Final = 300.0
"""Of a command that ends; pip waits for the network."""
_MOST_OFF: Final = 40
"""How far a JPEG, which the page asks for on a busy machine, is from the pixels."""


class Told(NamedTuple):
    """Something that the tutorial tells its reader to do."""

    step: str
    """The heading above it."""
    before: str
    """The line above it, which says what to do with it."""
    language: str
    text: str


def told() -> Iterator[Told]:
    """Each block, and each command that starts the program in the midst of the text, in their order."""
    for step, section in _SECTION.findall(TEXT):
        for before, language, block, command in _TOLD.findall(section):
            yield Told(step, before, language or "sh", block or command)


class Person:
    """Does what the tutorial says, at one terminal; notes how long each step takes."""

    def __init__(self, folder: Path, terminal: Terminal) -> None:
        self.terminal: Final = terminal
        self.times_s: Final[dict[str, float]] = {}
        """By step, until what it promises was seen."""
        self._folder: Final = folder
        self._todo: Final = list(told())
        self._step = ""
        self._since_s = time.monotonic()

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return not self._todo

    def runs(self) -> None:
        """Type the next commands; each ends well."""
        for line in self._read_on("sh").splitlines():
            self._types(line)
            self._ends()

    def starts(self) -> str:
        """Type the next commands, the last of which goes on; gives what those before it said."""
        *lines, last = self._read_on("sh").splitlines()
        said = ""
        for line in lines:
            self._types(line)
            said += self._ends()
        self._types(last)
        return said

    def stops(self, key: str = _CTRL_C) -> None:
        """Press a key that ends the program; it ends well."""
        self.terminal.press(key)
        self._ends()

    def saves(self) -> None:
        """Write the next block to the file that the text names."""
        self._program.write_text(self._read_on("python"))

    def adds(self) -> None:
        """Put the next block into the program, above the line that the text names."""
        before = self._todo[0].before
        place = _ABOVE.search(before)
        assert place is not None, before
        lines = self._program.read_text().splitlines(keepends=True)
        [at] = (number for number, line in enumerate(lines) if line.strip() == (place[1] or place[2]))
        self._program.write_text("".join([*lines[:at], self._read_on("python"), *lines[at:]]))

    def starts_without_numpy(self) -> None:
        """Start a copy of the program with the next block in it, as the text says for those without NumPy."""
        block = self._read_on("python")
        text = self._program.read_text().replace("import numpy as np", "import math")
        text = re.sub(r"^.*mgrid.*\n", "", text, flags=re.MULTILINE)
        text = re.sub(r"^ *waves = .*\n *stream\.publish_pixels\(.*\n", block, text, flags=re.MULTILINE)
        assert "np" not in re.findall(r"\w+", text)
        (self._folder / "plain.py").write_text(text)
        self._types("python plain.py")

    def notes_time(self, *, counts: bool = True) -> None:
        """What was done since the last note belongs to the step that is being done, or does not count."""
        now_s = time.monotonic()
        if counts:
            self.times_s[self._step] = self.times_s.get(self._step, 0) + now_s - self._since_s
        self._since_s = now_s

    @property
    def _program(self) -> Path:
        return self._folder / "wall.py"

    def _read_on(self, language: str) -> str:
        following = self._todo.pop(0)
        assert following.language == language, following
        if following.step != self._step:
            self.notes_time(counts=self._step != "")
            self._step = following.step
        return following.text

    def _types(self, line: str) -> None:
        self.terminal.press(f"{line}\n")
        self.terminal.wait_for(re.escape(line))

    def _ends(self) -> str:
        found = self.terminal.wait_for(_PROMPT, _LONGEST_S)
        assert found[1] == "0", found.string
        return found.string[: found.start()]


def _has_waves(image: Image.Image) -> bool:
    """Whether a picture is that of the program: red the same in each column, green in each row, in waves."""
    pixels = numpy.asarray(image).astype(int)
    if pixels.shape != (64, 64, 3):
        return False
    red, green = pixels[:, :, 0], pixels[:, :, 1]
    off = max(int(abs(red - red[:1]).max()), int(abs(green - green[:, :1]).max()))
    return off < _MOST_OFF and min(int(numpy.ptp(red)), int(numpy.ptp(green))) > 200


def _has_plain_waves(image: Image.Image) -> bool:
    """Whether it is that of the program without NumPy: red the same in each column, blue in none."""
    pixels = numpy.asarray(image).astype(int)
    if pixels.shape != (64, 64, 3):
        return False
    red, blue = pixels[:, :, 0], pixels[:, :, 2]
    return int(abs(red - red[:1]).max()) < _MOST_OFF and int(numpy.ptp(blue, axis=0).min()) > 200


def _moves(tab: Tab, frames: int = 2) -> None:
    """Wait until a page shows the program's picture, and further frames of it."""
    tab.wait_for(lambda: _has_waves(tab.picture()[1]))
    first = tab.picture()[0]
    tab.wait_for(lambda: not first <= tab.picture()[0] < first + frames)  # numbers begin again in a new run
    assert _has_waves(tab.picture()[1])


def _turns_to(tab: Tab) -> None:
    """Turn to a page whose program has been started again."""
    tab.page.evaluate('dispatchEvent(new Event("focus"))')


def _speed(tab: Tab, value: int) -> None:
    """Wait until the card of the sensor shows a speed."""
    tab.shows("#list h3", "wave")
    expect(tab["#list dt"]).to_have_text(["height", "speed"])
    expect(tab["#list .value"].nth(1)).to_have_text(str(value))


def _faster(tab: Tab) -> None:
    tab.may_control()
    tab['[data-command=browse][data-step="1"]'].click()


def follow(person: Person, desktop: Tab, phone: Tab) -> None:
    """Do all that the tutorial says, and see what it promises."""
    terminal = person.terminal

    def starts_again(*tabs: Tab) -> None:
        person.starts()
        assert terminal.wait_for(_OPEN)[1] == page
        for tab in tabs or (desktop,):
            _turns_to(tab)

    for tab in (desktop, phone):
        tab.expect_complaints(AWAY, REFUSED)
    terminal.wait_for(_PROMPT)

    person.runs()  # 1. Install

    person.starts()  # 2. See the demo
    page = terminal.wait_for(r"On air: .*?(http://[^)\s\x1b]+)")[1]
    desktop.open(page)
    desktop.shows("#status-text", "Live")
    assert not _has_waves(desktop.picture()[1])
    expect(desktop["#list > li"]).to_have_count(3)
    person.stops()

    person.saves()  # 3. Show your own array
    starts_again()
    _moves(desktop)
    person.stops()
    person.notes_time()
    person.starts_without_numpy()
    terminal.wait_for(_OPEN)
    _turns_to(desktop)
    desktop.wait_for(lambda: _has_plain_waves(desktop.picture()[1]))
    person.stops()
    person.notes_time(counts=False)

    person.adds()  # 4. A sensor beside it
    starts_again()
    _speed(desktop, 1)
    _moves(desktop)
    person.stops()

    person.adds()  # 5. Steer it from the page
    starts_again()
    _speed(desktop, 1)
    _faster(desktop)
    _speed(desktop, 2)
    person.stops()

    starts_again()  # 6. Record and replay
    desktop.shows("#recorders", re.compile(r"^recorder [\d.]+ [kM]B, .* free$"))
    _moves(desktop, 120)
    person.stops()
    said = person.starts()
    assert re.search(r"health +whole", said), said
    assert re.search(r"peripheral/wave", said), said
    terminal.wait_for(r"On air: ")
    _turns_to(desktop)
    expect(desktop["#replay"]).to_be_visible()
    _moves(desktop)
    person.stops("q")

    person.starts()  # 7. On the phone
    code = terminal.wait_for(r"For phones on this network: \S+\n((?:[ ▀▄█]{25,}\n)+)(?=\S)")[1]
    phone.open(read_by_a_phone(code.splitlines()))
    expect(phone["#replay"]).to_be_visible()
    _moves(phone)
    _turns_to(desktop)
    desktop["#gate-token"].fill(_TOKEN)
    desktop["#gate [type=submit]"].click()
    _moves(desktop)
    person.stops("q")
    starts_again(desktop, phone)
    expect(phone["#replay"]).to_be_hidden()
    _faster(phone)
    _speed(desktop, 2)
    _faster(desktop)
    _speed(phone, 3)
    _moves(phone)
    person.notes_time()
    for tab in (desktop, phone):
        tab.leave()
    person.stops()
    assert person.is_done


def times_s(home: Path) -> dict[str, float]:
    """Follow the tutorial in a home with nothing in it; gives how long each step took, without reading.

    The port is a free one in place of 8765.
    """
    folder = home / "trial"
    folder.mkdir()
    shutil.copy(WHEEL, folder)
    variables = {
        **environment(home),
        "PATH": f"{sys.base_prefix}/bin:/usr/bin:/bin",
        "PS1": "[$?] > ",
        "TERM": "xterm-256color",
        "PYTHONWARNINGS": "default",
        "BEATS_WEBSOCKET_PORT": str(free_port()),
    }
    for display in ("DISPLAY", "WAYLAND_DISPLAY"):
        variables.pop(display, None)
    with ExitStack() as stack:
        browser = launch(stack.enter_context(sync_playwright()), "--no-proxy-server")
        stack.callback(browser.close)
        new_tab = stack.enter_context(tabs(browser))
        desktop, phone = new_tab(is_newcomer=True), new_tab(is_newcomer=True, **_PHONE)
        terminal = stack.enter_context(opened(Terminal, _SHELL, folder, (60, 200), None, **variables))
        person = Person(folder, terminal)
        follow(person, desktop, phone)
    return person.times_s


def main() -> None:
    """Print how long each step takes."""
    with tempfile.TemporaryDirectory() as home:
        taken_s = times_s(Path(home))
    for step, seconds in taken_s.items():
        print(f"{seconds:6.1f} s  {step}")
    print(f"{sum(taken_s.values()):6.1f} s  in all")


if __name__ == "__main__":
    main()
