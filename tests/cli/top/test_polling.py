"""Asking again and again."""

from collections.abc import Sequence
from contextlib import aclosing

import anyio
import pytest

from beats.cli.address import Address
from beats.cli.top import polling
from beats.cli.top.answer import Sample
from beats.cli.top.polling import Failure, samples
from beats.kernel.run.supervisor import Backoff
from tests.cli.top.answering import answered, answering, http
from tests.cli.top.answers import document, stats
from tests.support import TIMEOUT_S

pytestmark = pytest.mark.anyio
AWAY = http(b"", "503 Service Unavailable")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def take(replies: Sequence[bytes], interval_s: float = 0.001) -> list[Sample | Failure]:
    left = list(replies)
    taken: list[Sample | Failure] = []
    with answering(lambda: left.pop(0)) as server, anyio.fail_after(TIMEOUT_S):
        async with aclosing(samples(Address("127.0.0.1", server.port), None, interval_s)) as found:
            async for each in found:
                taken.append(each)
                if len(taken) == len(replies):
                    break
    return taken


async def test_every_answer_and_every_failure_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Failures are counted in a row, with pauses that grow; an answer ends the row."""
    monkeypatch.setattr(polling, "BACKOFF", Backoff(0.002, 0.004))
    good = answered(document(stats()))
    found = await take([good, AWAY, AWAY, AWAY, good, AWAY])
    assert [isinstance(each, Sample) for each in found] == [True, False, False, False, True, False]
    failures = [each for each in found if isinstance(each, Failure)]
    assert [each.in_a_row for each in failures] == [1, 2, 3, 1]
    assert [each.retry_s for each in failures] == [0.002, 0.004, 0.004, 0.002]
    assert all(str(each.error) == "HTTP 503" for each in failures)


async def test_it_never_asks_more_often_than_it_is_told_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also when it fails."""
    monkeypatch.setattr(polling, "BACKOFF", Backoff(0.001, 0.001))
    begun_s = anyio.current_time()
    found = await take([AWAY, AWAY, answered(document(stats())), AWAY], interval_s=0.05)
    assert anyio.current_time() - begun_s >= 0.149
    assert all(each.retry_s == 0.05 for each in found if isinstance(each, Failure))
