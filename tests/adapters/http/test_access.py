"""Who may watch and who may steer."""

import re
from http import HTTPStatus

import pytest

from beats.adapters.http.access import (
    Denied,
    Rights,
    Tokens,
    as_origin,
    authorise,
    bearer,
    host_known,
    is_loopback,
    origin_allowed,
)

WATCH, STEER, NO = Rights(steer=False), Rights(steer=True), HTTPStatus.UNAUTHORIZED


@pytest.mark.parametrize(
    ("tokens", "presented", "outcome"),
    [
        (Tokens(None, None), [], STEER),
        (Tokens(None, None), ["x"], STEER),
        (Tokens("w", None), ["w"], STEER),
        (Tokens("w", None), [], NO),
        (Tokens("w", None), ["x"], NO),
        (Tokens("w", None), ["x", "w"], STEER),
        (Tokens("w", "c"), ["w"], WATCH),
        (Tokens("w", "c"), ["c"], STEER),
        (Tokens("w", "c"), ["x"], NO),
        (Tokens("w", "c"), [], NO),
        (Tokens(None, "c"), [], WATCH),
        (Tokens(None, "c"), ["c"], STEER),
        (Tokens(None, "c"), ["x"], NO),
        (Tokens("wörd", None), ["wörd"], STEER),
        (Tokens("w", None), ["\udcff"], NO),
    ],
)
def test_tokens_give_rights(tokens: Tokens, presented: list[str], outcome: object) -> None:
    """Watching does not imply steering once there is a control token; a wrong token is turned away."""
    result = authorise(tokens, presented)
    assert (result.status if isinstance(result, Denied) else result) == outcome


def test_a_refusal_does_not_quote_any_token() -> None:
    """What is wrong is said without what is right."""
    result = authorise(Tokens("secret-watch", "secret-control"), ["guess"])
    assert isinstance(result, Denied)
    assert "secret" not in result.text
    assert "guess" not in result.text


@pytest.mark.parametrize(
    ("header", "token"),
    [
        ("Bearer abc", "abc"),
        ("bearer  abc ", "abc"),
        ("Basic abc", None),
        ("Bearer", None),
        ("Bearer  ", None),
        ("", None),
        (None, None),
    ],
)
def test_the_authorization_header_carries_a_bearer_token(header: str | None, token: str | None) -> None:
    """The scheme's letter case does not matter, and other schemes hold no token of ours."""
    assert bearer(header) == token


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        (None, True),
        ("http://localhost:3000", True),
        ("https://localhost", True),
        ("http://127.0.0.1:8765", True),
        ("http://[::1]:8765", True),
        ("http://app.localhost", True),
        ("http://wall.local:8765", True),
        ("http://WALL.local:8765", True),
        ("http://192.168.1.5:8765", True),
        ("http://192.168.1.5:80", False),
        ("http://wall.local", False),
        ("https://show.example", True),
        ("https://SHOW.example", True),
        ("https://show.example:444", False),
        ("https://evil.example", False),
        ("http://evil.example:8765", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("null", False),
        ("file://", False),
        ("chrome-extension://localhost", False),
        ("", False),
        ("http://[", False),
        ("http://localhost:99999", False),
    ],
)
def test_origins_are_loopback_our_own_or_listed(origin: str | None, allowed: bool) -> None:
    """Any other web page is turned away, however its name is made to look."""
    assert origin_allowed(origin, ["wall.local", "192.168.1.5"], 8765, ["https://show.example"]) is allowed


@pytest.mark.parametrize(
    ("listed", "sent"),
    [
        ("file://", "file://"),
        ("FILE:///", "file://"),
        ("null", "null"),
        ("https://show.example:443", "https://show.example"),
        ("http://show.example:80/", "http://show.example"),
        ("https://Show.Example:8443", "https://show.example:8443"),
        (" https://show.example ", "https://show.example"),
        ("https://sh\xf6w.example", "https://xn--shw-tna.example"),
        ("http://[2001:DB8::1]:80", "http://[2001:db8::1]"),
        ("chrome-extension://abcdef", "chrome-extension://abcdef"),
        ("app://obsidian.md", "app://obsidian.md"),
    ],
)
def test_a_listed_origin_matches_what_browsers_send(listed: str, sent: str) -> None:
    """However its author writes it: RFC 6454, section 6.2, says how it is sent."""
    assert as_origin(listed) == sent
    assert origin_allowed(sent, [], 8765, [as_origin(listed)])
    assert not origin_allowed("https://evil.example", [], 8765, [as_origin(listed)])
    assert not origin_allowed("file://evil", [], 8765, [as_origin(listed)])


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("show.example", "https://show.example"),
        ("localhost:3000", "https://localhost:3000"),
        ("https://show.example/wall/", "https://show.example"),
        ("https://show.example?x=1", "https://show.example"),
        ("https://user@show.example", "https://show.example"),
        ("https://*.show.example", "list each"),
        ("https://", "https://wall.example"),
        ("https://show.example:99999", "https://wall.example"),
        ("http://[", "https://wall.example"),
        ("", "https://wall.example"),
        ("https://show .example", "https://wall.example"),
    ],
)
def test_what_is_no_origin_is_refused_with_what_would_be_one(text: str, right: str) -> None:
    """No browser would ever send it, and its author would look for the fault elsewhere."""
    with pytest.raises(ValueError, match=re.escape(right)):
        as_origin(text)


def test_a_star_allows_every_origin() -> None:
    """An operator may open the stream to all web pages, in so many words."""
    assert origin_allowed("https://anyone.example", [], 8765, ["*"])


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True),
        ("127.0.0.5", True),
        ("::1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("wall.local", False),
    ],
)
def test_this_machine_is_told_from_others(host: str, loopback: bool) -> None:
    """By name or address."""
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("host", "known"),
    [
        ("localhost:8765", True),
        ("localhost", True),
        ("127.0.0.1:8765", True),
        ("[::1]:8765", True),
        ("192.168.1.77:8765", True),
        ("wall.local:8765", True),
        ("WALL.local", True),
        ("show.example", True),
        ("evil.example:8765", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example:8765", False),
        ("", False),
        (None, False),
        ("[", False),
        ("a@localhost:8765", True),
        ("localhost@evil.example", False),
    ],
)
def test_a_name_that_was_bound_to_this_machine_is_not_its_own(host: str | None, known: bool) -> None:
    """Its own names, those of listed pages, and any address: only a name can be bound anew."""
    assert host_known(host, ["wall.local", "0.0.0.0"], ["https://show.example"]) is known


@pytest.mark.parametrize("host", ["anyone.example", None])
def test_a_star_knows_every_name(host: str | None) -> None:
    """Who opens the stream to all web pages means those of rebound names, too."""
    assert host_known(host, [], ["*"])
