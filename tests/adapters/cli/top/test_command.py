"""`beats top`, as a process."""

import json
from pathlib import Path

import pytest

from tests.adapters.cli.top.answering import answered, answering, http
from tests.adapters.cli.top.answers import document, sink, source, stats
from tests.support import ran

WHOLE = document(stats([sink("void")], [source()]))


def test_once_prints_one_table_and_ends(tmp_path: Path) -> None:
    """Without a terminal in plain text."""
    with answering(answered(WHOLE)) as server:
        code, out, err = ran(
            "top", f"ws://127.0.0.1:{server.port}", "--once", "--interval", "0.1", cwd=tmp_path
        )
        assert (code, err) == (0, "")
        assert len(server.requests) == 2
    assert out.startswith(f"beats 0.1.0  studio  127.0.0.1:{server.port}  up 1:40\n")
    assert "\x1b" not in out


def test_json_once_is_the_servers_object(tmp_path: Path) -> None:
    """For scripts."""
    with answering(answered(WHOLE)) as server:
        code, out, err = ran("top", f"127.0.0.1:{server.port}", "--once", "--json", cwd=tmp_path)
    assert (code, err, json.loads(out)) == (0, "", WHOLE)


def test_the_token_may_be_given_in_three_places(tmp_path: Path) -> None:
    """As an option, in the address, and in a variable, which no list of processes shows."""
    with answering(answered(WHOLE)) as server:
        place = f"ws://127.0.0.1:{server.port}"
        ways: list[tuple[tuple[str, ...], dict[str, str]]] = [
            ((place, "--token", "a"), {}),
            ((f"{place}/?token=a",), {}),
            ((place,), {"BEATS_TOKEN": "a"}),
        ]
        for arguments, variables in ways:
            code, _, err = ran("top", *arguments, "--once", "--json", cwd=tmp_path, **variables)
            assert code == 0, err
        assert [b"Bearer a\r\n" in request for request in server.requests] == [True] * 3


REFUSED = http(b"Not this token.\n", "401 Unauthorized", "text/plain")


@pytest.mark.parametrize(
    ("arguments", "reply", "said"),
    [
        (("--once",), REFUSED, "HTTP 401: Not this token. Give it with --token, or in BEATS_TOKEN."),
        (("--once", "--json"), REFUSED, "HTTP 401: Not this token."),
        ((), REFUSED, "HTTP 401: Not this token."),
        (
            ("--once",),
            http(b"<html>", content_type="text/html"),
            "its answer cannot be read (no JSON): it is",
        ),
        (("--once",), b"\x00\x1b[2J\xff", "no HTTP came: it is not a Beats server"),
    ],
    ids=["once", "json", "again and again", "a page", "garbage"],
)
def test_what_cannot_be_shown_is_said(
    tmp_path: Path, arguments: tuple[str, ...], reply: bytes, said: str
) -> None:
    """With exit code 1, on standard error, with the address and without a traceback."""
    with answering(reply) as server:
        code, out, err = ran("top", f"127.0.0.1:{server.port}", *arguments, cwd=tmp_path)
    assert (code, out) == (1, "")
    assert err.startswith(f"127.0.0.1:{server.port}: {said}")
    assert len(err.splitlines()) == 1
    assert err.strip().isprintable()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("ftp://wall",), "'ftp://wall' is no address of a Beats server: give an address such as"),
        (("ws://wall", "--ca", "ca.pem"), "--ca is for wss:// and https://"),
        (("wss://wall", "--ca", "none.pem"), "--ca none.pem: No such file or directory"),
        (("--interval", "0"), "--interval"),
    ],
)
def test_wrong_usage_says_what_would_be_right(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    """With exit code 2."""
    code, _, err = ran("top", *arguments, cwd=tmp_path)
    assert (code, said in err) == (2, True), err


def test_the_help_has_examples(tmp_path: Path) -> None:
    """As every command's."""
    code, out, _ = ran("top", "--help", cwd=tmp_path)
    assert code == 0
    assert "beats top wall.local:8765 --interval 5" in out
