"""Where a server is, from what people write."""

import ssl
from pathlib import Path

import pytest
import trustme

from beats.cli.address import WANTED, ServerAddress, find, parse, tls, token_warning


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ws://localhost:8765", ServerAddress("localhost", 8765)),
        ("http://localhost:8765/", ServerAddress("localhost", 8765)),
        ("wss://wall.example", ServerAddress("wall.example", 443, True)),
        ("https://wall.example:8443", ServerAddress("wall.example", 8443, True)),
        ("ws://wall.example", ServerAddress("wall.example", 80)),
        ("WS://Wall.Example:1", ServerAddress("wall.example", 1)),
        ("wall.local:9000", ServerAddress("wall.local", 9000)),
        ("wall.local", ServerAddress("wall.local", 8765)),
        ("10.0.0.7", ServerAddress("10.0.0.7", 8765)),
        ("[::1]:9", ServerAddress("::1", 9)),
        ("ws://[fe80::1]:9", ServerAddress("fe80::1", 9)),
        (" localhost:1 ", ServerAddress("localhost", 1)),
        ("https://site.example/wall/", ServerAddress("site.example", 443, True, "/wall")),
        ("http://localhost:8765/api/stats", ServerAddress("localhost", 8765)),
        (
            "ws://localhost:1/?kinds=frame&token=abc",
            ServerAddress("localhost", 1, query=(("kinds", "frame"),), token="abc"),
        ),
        ("ws://w\u00e4nde.example:1", ServerAddress("xn--wnde-loa.example", 1)),
        ("ws://localhost:1/w\u00e4nde", ServerAddress("localhost", 1, path="/w%C3%A4nde")),
    ],
)
def test_an_address_is_read_as_it_was_meant(text: str, expected: ServerAddress) -> None:
    """WebSocket or HTTP, encrypted or not, with or without a scheme, port, path and query."""
    assert parse(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "ftp://localhost", "://localhost", "ws://", "localhost:port", "localhost:99999", "localhost:0",
     "::1", "local host", "ws://user:secret@localhost", "local\nhost", "local\x1b[31mhost",
     "[::1", "a..b\u00e4", "..", "a..b:1", "ws://" + "x" * 64, "../show.mcap"],
)  # fmt: skip
def test_what_is_no_address_is_refused_with_what_would_be_one(text: str) -> None:
    """On one line, with control characters escaped."""
    with pytest.raises(ValueError, match="is not an address of a Beats server") as caught:
        parse(text)
    assert WANTED in str(caught.value)
    assert str(caught.value).isprintable()


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({}, ServerAddress("localhost", 8765)),
        ({"BEATS_WEBSOCKET_PORT": "9000"}, ServerAddress("localhost", 9000)),
        (
            {"BEATS_WEBSOCKET_HOST": "wall.local", "BEATS_TOKEN": "abc"},
            ServerAddress("wall.local", 8765, token="abc"),
        ),
        ({"BEATS_WEBSOCKET_HOST": "::1", "BEATS_TOKEN": ""}, ServerAddress("::1", 8765)),
        ({"BEATS_WEBSOCKET_HOST": " wall.local\r"}, ServerAddress("wall.local", 8765)),
        ({"BEATS_WEBSOCKET_HOST": " "}, ServerAddress("localhost", 8765)),
    ],
)
def test_without_an_address_it_is_this_machines(variables: dict[str, str], expected: ServerAddress) -> None:
    """At the address that a Beats started with the same variables listens on."""
    assert find(None, None, variables) == expected


def test_what_is_said_of_the_token_more_precisely_wins() -> None:
    """The option, then the address, then the variable; an odd one there is warned of, but not shown."""
    variables = {"BEATS_TOKEN": "variable"}
    assert find("ws://localhost?token=address", "option", variables).token == "option"
    assert find("ws://localhost?token=address", None, variables).token == "address"
    assert find("ws://localhost", None, variables).token == "variable"
    variables = {"BEATS_TOKEN": "secret\r"}
    said = token_warning(find(None, None, variables), variables)
    assert said is not None
    assert said.startswith("BEATS_TOKEN: the value ends with a carriage return")
    assert "secret" not in said
    assert token_warning(find(None, "other", variables), variables) is None
    assert token_warning(find(None, None, {"BEATS_TOKEN": "secret"}), {"BEATS_TOKEN": "secret"}) is None


def test_the_token_is_in_a_header_and_the_query_in_the_address() -> None:
    """Proxies log addresses; options override the query; bytes of other encodings are sent unchanged."""
    address = ServerAddress("localhost", 1, token="a b+c")
    assert address.headers() == {"Authorization": "Bearer a b+c"}
    assert address.stats_target == "/api/stats"
    assert address.stream_url({}) == "ws://localhost:1/"
    address = ServerAddress("::1", 443, True, "/wall", (("kinds", "frame"), ("snapshot", "0")))
    url = address.stream_url({"kinds": "frame,peripheral", "max_fps": "5"})
    assert url == "wss://[::1]:443/wall/?kinds=frame%2Cperipheral&snapshot=0&max_fps=5"
    assert address.stats_target == "/wall/api/stats"
    address = find("localhost", "\udcff")
    assert address.stats_target == "/api/stats?token=%FF"
    assert address.stream_url({"topics": "a\udcfe"}) == "ws://localhost:8765/?topics=a%FE&token=%FF"


@pytest.mark.parametrize("token", ["gr\u00f6\u00dfe", " blank", "line\r\nend"])
def test_a_token_that_no_header_can_carry_goes_into_the_query(token: str) -> None:
    """It cannot inject another header."""
    address = ServerAddress("localhost", 1, token=token)
    assert address.headers() == {}
    for target in (address.stats_target, address.stream_url({})):
        assert target.isascii()
        assert target.isprintable()
        assert parse(f"ws://localhost:1{target.removeprefix('ws://localhost:1')}").token == token


def test_certificates_are_checked(tmp_path: Path) -> None:
    """By the machine's authorities or the given one, which is refused if it is useless or not needed."""
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(authority)
    encrypted = ServerAddress("localhost", 1, encrypted=True)
    assert tls(ServerAddress("localhost", 1), None) is None
    for context in (tls(encrypted, None), tls(encrypted, authority)):
        assert context is not None
        assert context.verify_mode is ssl.CERT_REQUIRED
        assert context.check_hostname
    text = tmp_path / "text.pem"
    text.write_text("Dear diary")
    encrypted = ServerAddress("localhost", 1, encrypted=True)
    with pytest.raises(ValueError, match=r"text\.pem: holds no certificate; give a PEM file"):
        tls(encrypted, text)
    with pytest.raises(ValueError, match=r"none\.pem: No such file or directory; give a PEM file"):
        tls(encrypted, tmp_path / "none.pem")
    with pytest.raises(ValueError, match="this address is not encrypted"):
        tls(ServerAddress("localhost", 1), text)
