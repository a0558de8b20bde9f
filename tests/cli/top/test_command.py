"""`beats top`, as a process."""

import json
from pathlib import Path
from typing import Any

import pytest
import typer

from beats.cli.top.command import top
from tests.cli.top.answering import answered, answering, http
from tests.cli.top.answers import document, sink, source, stats
from tests.support import ran

WHOLE = document(stats([sink("void")], [source()]))


def test_once_prints_one_table_and_ends(tmp_path: Path) -> None:
    """In plain text without a terminal; as JSON the server's object, for scripts."""
    with answering(answered(WHOLE)) as server:
        url = f"ws://127.0.0.1:{server.port}"
        code, out, err = ran("top", url, "--once", "--interval", "0.1", cwd=tmp_path)
        assert (code, err) == (0, "")
        assert len(server.requests) == 2
    assert out.startswith(f"beats 0.1.0  studio  127.0.0.1:{server.port}  up 1:40\n")
    assert "\x1b" not in out
    with answering(answered(WHOLE)) as server:
        code, out, err = ran("top", f"127.0.0.1:{server.port}", "--once", "--json", cwd=tmp_path)
    assert (code, err, json.loads(out)) == (0, "", WHOLE)


@pytest.mark.parametrize("arguments", [("--once",), ()], ids=["once", "again and again"])
def test_what_cannot_be_shown_is_said(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """With exit code 1, on standard error, with the address and without a traceback."""
    with answering(http(b"Not this token.\n", "401 Unauthorized", "text/plain")) as server:
        code, out, err = ran("top", f"127.0.0.1:{server.port}", *arguments, cwd=tmp_path, BEATS_TOKEN="a")
    assert b"\r\nAuthorization: Bearer a\r\n" in server.requests[0]
    assert (code, out) == (1, "")
    said = "HTTP 401: Not this token. Give it with --token, or in BEATS_TOKEN."
    more = "More: beats docs websocket#safe-on-a-network"
    assert err.splitlines() == [f"127.0.0.1:{server.port}: {said}", more]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"url": "ftp://wall"}, "'ftp://wall' is not an address of a Beats server: give an address such as"),
        ({"url": "ws://wall", "ca": Path("ca.pem")}, "--ca is for wss:// and https://"),
        ({"url": "wss://wall", "ca": Path("none.pem")}, "--ca none.pem: No such file or directory"),
    ],
)
def test_wrong_usage_says_what_would_be_right(
    options: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """With exit code 2, before anything is asked."""
    with pytest.raises(typer.Exit) as caught:
        top(**options)
    out, err = capsys.readouterr()
    assert (caught.value.exit_code, out, said in err) == (2, "", True), err
