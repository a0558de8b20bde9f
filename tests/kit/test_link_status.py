"""What is said in the log of connections that come and go."""

import errno
import logging

import anyio
import pytest

from beats.kernel.testing import VirtualTimeLoop
from beats.kit.link_status import LinkStatus, reason

log = logging.getLogger(__name__)
pytestmark = pytest.mark.anyio


def said(caplog: pytest.LogCaptureFixture, level: int = logging.INFO) -> list[str]:
    return [each.getMessage() for each in caplog.records if each.levelno >= level]


@pytest.fixture
def link(caplog: pytest.LogCaptureFixture) -> LinkStatus:
    caplog.set_level(logging.DEBUG)
    return LinkStatus("sink 'relay'", 1.0, log)


def test_each_reason_of_a_failure_is_logged_once(link: LinkStatus, caplog: pytest.LogCaptureFixture) -> None:
    """However often it is tried."""
    for _ in range(1000):
        link.failed("a:1", OSError("nobody"))
        link.failed("a:1", OSError("somebody else"))
    assert said(caplog) == [
        "sink 'relay': no connection to a:1: nobody; trying again",
        "sink 'relay': no connection to a:1: somebody else; trying again",
    ]
    for number in range(1000):
        link.failed("a:1", OSError(str(number)))
    assert len(said(caplog)) == 100


async def test_a_connection_resets_the_reasons(link: LinkStatus, caplog: pytest.LogCaptureFixture) -> None:
    """After it, the same reason is logged again."""
    link.failed("a:1", OSError("nobody"))
    link.connected("a:1")
    assert (link.is_connected, link.reconnects) == (True, 0)
    link.lost("a:1", "the end")
    assert not link.is_connected
    link.failed("a:1", OSError("nobody"))
    link.connected("a:1")
    assert link.reconnects == 1
    first, made, lost, second, again = said(caplog)
    assert first == second
    assert made == "sink 'relay': connected to a:1"
    assert lost == "sink 'relay': connection to a:1 lost: the end"
    assert again == "sink 'relay': connected to a:1 again, after 0.0 s"


async def test_an_unstable_connection_is_rarely_logged(
    link: LinkStatus, caplog: pytest.LogCaptureFixture
) -> None:
    """A thousand losses make some dozen lines."""
    for _ in range(1000):
        link.connected("a:1")
        link.lost("a:1", "the end")
    assert link.reconnects == 999
    assert len(said(caplog)) < 30


async def test_the_end_wakes_a_pause(link: LinkStatus) -> None:
    """Even the long one after a refusal. The first ones are short, and end by themselves."""
    ended = anyio.Event()
    ended.set()
    with anyio.fail_after(20):
        await link.pause()
        await link.pause(ended=anyio.Event())
    with anyio.fail_after(1):
        for _ in range(20):
            await link.pause(refused=True, ended=ended)


@pytest.mark.parametrize("anyio_backend", [("asyncio", {"loop_factory": VirtualTimeLoop})])
async def test_an_attempt_that_took_long_is_followed_by_the_next_at_once(link: LinkStatus) -> None:
    """Over a cut link no answer comes: once it is restored, no pause must delay the next attempt."""
    for _ in range(10):
        await link.pause()
    began_s = anyio.current_time()
    await anyio.sleep(2.0)
    await link.pause()
    assert anyio.current_time() == began_s + 2.0
    await link.pause()
    assert 0.5 <= anyio.current_time() - began_s - 2.0 <= 1.0
    link.lost("a:1", "the end")
    begin_s = anyio.current_time()
    await link.pause()
    assert anyio.current_time() > begin_s


def test_a_reason_is_short() -> None:
    """Without the addresses that asyncio adds."""
    text = "[Errno 111] Connect call failed ('::1', 4222, 0, 0)"
    for error in (ConnectionRefusedError(111, text), OSError(f"Multiple exceptions: {text}")):
        assert reason(error) == "Connection refused"
    assert reason(OSError(errno.ENOENT, "token_file 'x' cannot be read")) == "token_file 'x' cannot be read"
    assert reason(ConnectionError("it is not a NATS server")) == "it is not a NATS server"
    assert reason(TimeoutError()) == "TimeoutError"
