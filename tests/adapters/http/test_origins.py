"""Which web pages may ask, and what refusals say."""

import re

import pytest

from beats.adapters.http.origins import (
    MOST_WARNINGS,
    OriginPolicy,
    as_origin,
    host_known,
    origin_allowed,
)
from beats.kit.addresses import is_loopback
from tests.adapters.sinks.websocket.support import settings, warnings

LOCAL = ("192.168.1.5", 8765)
HERE = "http://192.168.1.5:8765"


def origins(**changes: object) -> OriginPolicy:
    return OriginPolicy("wall", settings(**changes))


def test_every_origin_header_must_be_allowed() -> None:
    """No browser sends two, and an allowed one does not excuse the other."""
    here = origins()
    assert here.foreign([], LOCAL) is None
    assert here.foreign([HERE], LOCAL) is None
    refused = here.foreign([HERE, "https://evil.example"], LOCAL)
    assert refused is not None
    assert "'https://evil.example'" in refused.text
    assert "'wall'" in refused.text


@pytest.mark.parametrize("hosts", [["localhost", "localhost"], ["evil.example"], ["a", ""]])
def test_a_request_names_one_host_that_is_this_server(hosts: list[str]) -> None:
    """Otherwise the refusal says what the operator can set."""
    refused = origins().misdirected(hosts, [], LOCAL)
    assert refused is not None
    assert "public_host" in refused.text
    assert "origins" in refused.text


def test_a_request_without_an_origin_needs_no_host() -> None:
    """With an origin it comes from a browser, which names its host. A listed proxy has both."""
    here = origins(origins=("https://wall.example",))
    for hosts in ([], [""]):
        assert here.misdirected(hosts, [], LOCAL) is None
        assert here.misdirected(hosts, [HERE], LOCAL) is not None
    assert here.foreign(["https://wall.example"], LOCAL) is None
    assert here.misdirected(["wall.example"], ["https://wall.example"], LOCAL) is None


def test_each_refusal_is_logged_once_until_the_settings_change(caplog: pytest.LogCaptureFixture) -> None:
    """With the setting; a name from outside is quoted and short, and their number is bounded."""
    here = origins()
    forged = "https://evil.example/\r\n2026 ERROR forged" + "x" * 1000
    for _ in range(2):
        for _ in range(3):
            here.foreign(["https://wall.example", forged], LOCAL)
            here.foreign([forged], LOCAL)
            here.misdirected(["wall.example"], [], LOCAL)
            here.incomplete("192.168.1.9")
        found = warnings(caplog)
        assert len(found) == 4
        assert not any("\n" in line or len(line) > 600 for line in found)
        assert 'sinks.wall.origins = ["https://wall.example"]' in found[0]
        assert "sinks.wall.public_host" in found[2]
        assert "sinks.wall.origins" in found[2]
        caplog.clear()
        here.adjust(settings())
    for number in range(10 * MOST_WARNINGS):
        here.foreign([f"https://{number}.example"], LOCAL)
    assert len(warnings(caplog)) == MOST_WARNINGS


@pytest.mark.parametrize(
    ("allowed", "origins"),
    [
        (True, ("http://localhost:3000", "https://localhost", "http://127.0.0.1:8765", "http://[::1]:8765")),
        (True, ("http://app.localhost", "https://show.example", "https://SHOW.example")),
        (True, ("http://wall.local:8765", "http://WALL.local:8765", "http://192.168.1.5:8765")),
        (False, ("http://192.168.1.5:80", "http://wall.local", "https://show.example:444")),
        (False, ("https://evil.example", "http://evil.example:8765", "http://localhost.evil.example")),
        (False, ("http://127.0.0.1.evil.example", "null", "file://", "chrome-extension://localhost")),
        (False, ("", "http://[", "http://localhost:99999")),
    ],
)
def test_origins_are_loopback_our_own_or_listed(allowed: bool, origins: tuple[str, ...]) -> None:
    """Every other web page is refused, whatever its name looks like."""
    for origin in origins:
        found = origin_allowed(origin, ["wall.local", "192.168.1.5"], 8765, ["https://show.example"])
        assert found is allowed, origin


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
    """In whatever form it is written: RFC 6454, section 6.2, says how it is sent."""
    assert as_origin(listed) == sent
    assert origin_allowed(sent, [], 8765, [as_origin(listed)])
    assert not origin_allowed("https://evil.example", [], 8765, [as_origin(listed)])
    assert not origin_allowed("file://evil", [], 8765, [as_origin(listed)])


@pytest.mark.parametrize(
    ("right", "texts"),
    [
        ("https://show.example", ("show.example", "https://show.example/wall/", "https://show.example?x=1")),
        ("https://show.example", ("https://user@show.example",)),
        ("https://localhost:3000", ("localhost:3000",)),
        ("list each", ("https://*.show.example",)),
        ("https://wall.example", ("https://", "https://show.example:99999", "http://[", "", "https://sh w")),
    ],
)
def test_an_invalid_origin_is_refused_with_a_valid_one(right: str, texts: tuple[str, ...]) -> None:
    """No browser would ever send it."""
    for text in texts:
        with pytest.raises(ValueError, match=re.escape(right)):
            as_origin(text)


def test_loopback_hosts_are_recognised() -> None:
    """By name or address."""
    assert all(map(is_loopback, ("localhost", "127.0.0.5", "::1")))
    assert not any(map(is_loopback, ("0.0.0.0", "::", "192.168.1.5", "wall.local")))


@pytest.mark.parametrize(
    ("known", "hosts"),
    [
        (True, ("localhost:8765", "localhost", "127.0.0.1:8765", "[::1]:8765", "a@localhost:8765")),
        (True, ("192.168.1.77:8765", "wall.local:8765", "WALL.local", "show.example")),
        (False, ("evil.example:8765", "localhost.evil.example", "127.0.0.1.evil.example:8765")),
        (False, ("", "[", "localhost@evil.example")),
    ],
)
def test_a_rebound_name_is_not_the_servers_own(known: bool, hosts: tuple[str, ...]) -> None:
    """Its own names, those of listed pages, and any address: only a name can be rebound."""
    for host in hosts:
        assert host_known(host, ["wall.local", "0.0.0.0"], ["https://show.example"]) is known, host


def test_a_star_allows_every_origin_and_host() -> None:
    """An operator may open the stream to all web pages, including those of rebound names."""
    assert origin_allowed("https://anyone.example", [], 8765, ["*"])
    assert host_known("anyone.example", [], ["*"])
