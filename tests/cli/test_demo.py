"""`beats demo`, and what a first run does for a person."""

import socket
from pathlib import Path

import pytest

from beats.adapters.sinks.null import NullSettings
from beats.adapters.sinks.websocket.settings import WebSocketSettings
from beats.cli import qr
from beats.cli.commands.demo import has_display, how_to_open
from beats.kernel.capabilities import Address
from beats.kit.addresses import network_address
from tests.cli.terminal import on_a_terminal
from tests.support import PORT_0, beats, called, until
from tests.support.qr import read_by_a_phone


def test_without_a_command_six_lines_say_what_to_do(tmp_path: Path) -> None:
    """Each line but the first is a command that exists."""
    code, out, err = called(cwd=tmp_path)
    lines = out.splitlines()
    assert (code, err, len(lines)) == (2, "", 6)
    assert [line.split()[:2] for line in lines[1:]] == [
        ["beats", name] for name in ("demo", "run", "run", "init", "--help")
    ]


def test_the_demo_runs_on_the_next_free_port_and_opens_its_page(tmp_path: Path) -> None:
    """Whatever is in the folder `config`, and whoever has its port."""
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "default.toml").write_text("[sinks.other]\ntype = 'null'\n")
    opened = tmp_path / "opened"
    browser = tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\necho "$1" > {opened}.new && mv {opened}.new {opened}\n')
    browser.chmod(0o755)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        arguments = ("demo", "--set", f"sinks.browser.port={port}")
        with beats(*arguments, cwd=tmp_path, DISPLAY=":99", BROWSER=str(browser)) as program:
            page = program.out.wait_for(r"On air: (http://localhost:(\d+)/)")
            assert int(page[2]) > port
            program.err.wait_for(f"port {port} is in use: using {page[2]}")
            until(opened.exists)
            assert opened.read_text() == f"{page[1]}\n"
            assert program.interrupt() == 0


def test_a_browser_is_opened_only_where_it_can_be_seen() -> None:
    """There must be a display, and the person must sit in front of it."""
    assert has_display({"DISPLAY": ":0"})
    assert has_display({"WAYLAND_DISPLAY": "wayland-0"})
    assert not has_display({"DISPLAY": ":10", "SSH_CONNECTION": "192.0.2.1 22 192.0.2.2 22"})
    assert not has_display({})


def test_where_no_browser_opens_the_demo_says_how_to_open_the_page(tmp_path: Path) -> None:
    """Without a display, and where the display has no browser; not to those who want none."""
    with beats("demo", *PORT_0, cwd=tmp_path, DISPLAY=":99", PATH=str(tmp_path)) as program:
        page = program.out.wait_for(r"On air: (http://localhost:\d+/)")[1]
        program.out.wait_for(f"^Open {page} in a browser\\.$")
        assert program.interrupt() == 0
    alone = {"DISPLAY": "", "WAYLAND_DISPLAY": "", "SSH_CONNECTION": ""}
    for options, is_told in (((), True), (("--no-browser",), False)):
        code, out, err = called("demo", "--duration", "0.1", *options, *PORT_0, cwd=tmp_path, **alone)
        assert (code, "in a browser" in out) == (0, is_told), err


def test_over_ssh_the_page_is_opened_through_a_tunnel() -> None:
    """To the address by which the person came to this machine."""
    first, then = how_to_open(Address("localhost", 8766), {"SSH_CONNECTION": "192.0.2.1 5022 192.0.2.2 22"})
    assert first.endswith(": ssh -L 8766:localhost:8766 192.0.2.2")
    assert then == "Open http://localhost:8766/ in a browser."


@pytest.mark.parametrize(("answer", "is_moved"), [("\n", True), ("n\n", False)])
def test_on_a_terminal_a_busy_port_can_be_exchanged(answer: str, is_moved: bool, tmp_path: Path) -> None:
    """Enter takes the next free one; with `n` the run says why it cannot start."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with on_a_terminal(
            "run", "--set", f"sinks.browser.port={port}", cwd=tmp_path, size=(50, 300)
        ) as terminal:
            free = terminal.wait_for(rf"port {port} is in use \(sinks.browser.port\): use (\d+) instead")[1]
            terminal.press(answer)
            if is_moved:
                terminal.wait_for(f"On air: .*http://localhost:{free}/")
                terminal.press("\x03")
            assert terminal.end() == (0 if is_moved else 1)


def test_a_terminal_shows_phones_the_way_to_a_stream_on_the_network(tmp_path: Path) -> None:
    """As a code with address and token; the token is in no line of text."""
    token = "a secret+1"
    arguments = ("run", *PORT_0, "--set", "sinks.browser.host=0.0.0.0")
    with on_a_terminal(
        *arguments, cwd=tmp_path, size=(60, 200), BEATS_SINKS__BROWSER__TOKEN=token
    ) as terminal:
        shown = terminal.wait_for(
            r"For phones on this network: (http://\S+:\d+/)\n((?:[ ▀▄█]{25,}\n)+)(?=\S)"
        )
        terminal.press("\x03")
        assert terminal.end() == 0
        assert "secret" not in terminal.text
    page, code = shown[1], shown[2]
    assert read_by_a_phone(code.splitlines()) == f"{page}?token=a%20secret%2B1"
    assert page.startswith(f"http://{network_address()}:")


def test_only_what_a_phone_can_reach_has_a_code() -> None:
    """Not a stream on localhost, and nothing without a page; a public name comes first."""
    assert qr.page_for_phones(NullSettings(type="null"), 1) is None
    assert qr.page_for_phones(None, 1) is None
    assert qr.page_for_phones(WebSocketSettings(type="websocket"), 1) is None
    assert qr.page_for_phones(WebSocketSettings(type="websocket", host="127.0.0.1"), 1) is None
    named = WebSocketSettings(type="websocket", host="::", public_host="wall.example")
    assert qr.page_for_phones(named, 80) == "http://wall.example:80/"
    assert read_by_a_phone(qr.code("http://wall.example:80/").plain.splitlines()) == "http://wall.example:80/"
