"""Which web pages may ask, and what refusals say."""

import logging

import pytest

from beats.adapters.sinks.websocket.origins import Origins
from tests.adapters.sinks.websocket.support import settings

LOCAL = ("192.168.1.5", 8765)
HERE = "http://192.168.1.5:8765"


def origins(**changes: object) -> Origins:
    return Origins("wall", settings(**changes))


def test_every_origin_header_must_be_allowed() -> None:
    """Two of them are no browser's, and one good one does not open the door for the other."""
    here = origins()
    assert here.foreign([], LOCAL) is None
    assert here.foreign([HERE], LOCAL) is None
    refused = here.foreign([HERE, "https://evil.example"], LOCAL)
    assert refused is not None
    assert "'https://evil.example'" in refused.text
    assert "'wall'" in refused.text


@pytest.mark.parametrize("hosts", [["localhost", "localhost"], ["evil.example"], ["a", ""]])
def test_a_request_names_one_host_that_is_this_server(hosts: list[str]) -> None:
    """Or it is told what the operator can set."""
    refused = origins().misdirected(hosts, [], LOCAL)
    assert refused is not None
    assert "public_host" in refused.text
    assert "origins" in refused.text


def test_no_host_is_enough_where_there_is_no_origin() -> None:
    """With an origin it is a browser's request, which names its host."""
    here = origins()
    for hosts in ([], [""]):
        assert here.misdirected(hosts, [], LOCAL) is None
        assert here.misdirected(hosts, [HERE], LOCAL) is not None


def test_a_listed_proxy_is_known_by_its_origin_and_its_host() -> None:
    """One setting for both."""
    here = origins(origins=("https://wall.example",))
    assert here.foreign(["https://wall.example"], LOCAL) is None
    assert here.misdirected(["wall.example"], ["https://wall.example"], LOCAL) is None


def test_each_refusal_is_logged_once_until_the_settings_change(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever a stranger sends as a name is quoted and short."""
    here = origins()
    evil = "https://evil.example/\r\n2026 ERROR forged"
    for _ in range(2):
        for _ in range(3):
            here.foreign([evil], LOCAL)
            here.misdirected([evil], [], LOCAL)
            here.spoilt("192.168.1.9")
        found = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
        assert len(found) == 3
        assert not any("\n" in line for line in found)
        caplog.clear()
        here.adjust(settings())
