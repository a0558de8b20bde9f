import errno
from collections.abc import Awaitable, Callable

import anyio
import pytest

from beats.kernel.errors import InputError
from beats.kernel.run.supervisor import Backoff, Supervisor, describe

pytestmark = pytest.mark.anyio


class Attempts:
    """Runs the given steps, one per attempt, and notes when each began."""

    def __init__(self, *steps: Callable[[], Awaitable[None]]) -> None:
        self._steps = steps
        self.began_s: list[float] = []

    async def __call__(self) -> None:
        self.began_s.append(round(anyio.current_time(), 6))
        await self._steps[min(len(self.began_s), len(self._steps)) - 1]()


async def end() -> None:
    pass


async def fail() -> None:
    raise OSError("the disk is full")


async def crash() -> None:
    raise ZeroDivisionError("a mistake in the code")


async def give_up() -> None:
    raise InputError("no picture in it")


async def give_up_in_a_task() -> None:
    async with anyio.create_task_group() as group:
        group.start_soon(give_up)


async def run_long_then_fail() -> None:
    await anyio.sleep(31.0)
    raise OSError("late")


def supervised(run: Callable[[], Awaitable[None]], *, backoff: Backoff | None = None) -> Supervisor:
    return Supervisor("source", "demo", run, backoff or Backoff(), must_start=False)


@pytest.mark.parametrize(
    ("backoff", "began_s"),
    [
        (Backoff(), [0.0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]),
        (Backoff(initial_s=2.0, max_s=5.0), [0.0, 2.0, 6.0, 11.0, 16.0]),
    ],
)
async def test_pauses_double_from_the_first_to_the_longest(backoff: Backoff, began_s: list[float]) -> None:
    """By default from 0.5 to 30 seconds; the operator can set both."""
    attempts = Attempts(*[fail] * (len(began_s) - 1), end)
    await supervised(attempts, backoff=backoff).supervise()
    assert attempts.began_s == began_s


def test_the_pause_is_bounded_after_any_number_of_failures() -> None:
    """Also after years of failures."""
    assert Backoff().delay_s(10**9) == 30.0


def test_jitter_makes_a_part_of_each_pause_random() -> None:
    """Clients that lost one server at the same moment do not all return at the same moment."""
    backoff = Backoff(0.05, 1.0, jitter=0.5)
    for failures in range(1, 8):
        longest_s = min(1.0, 0.05 * 2 ** (failures - 1))
        pauses = {backoff.delay_s(failures) for _ in range(100)}
        assert len(pauses) > 80
        assert all(longest_s / 2 <= pause_s <= longest_s for pause_s in pauses)


async def test_a_long_run_resets_the_pauses() -> None:
    """After working for longer than the longest pause, old failures do not count."""
    attempts = Attempts(fail, fail, fail, run_long_then_fail, fail, end)
    await supervised(attempts).supervise()
    assert attempts.began_s == [0.0, 0.5, 1.5, 3.5, 3.5 + 31.0 + 0.5, 35.0 + 1.0]


async def test_what_returns_has_ended() -> None:
    """Nothing is restarted and nothing is logged."""
    attempts = Attempts(end)
    supervisor = supervised(attempts)
    await supervisor.supervise()
    assert (supervisor.state, supervisor.restarts, supervisor.last_error) == ("ended", 0, "")
    assert supervisor.finished.is_set()
    assert len(attempts.began_s) == 1


async def test_a_failure_shows_in_state_and_count_until_it_works_again() -> None:
    """`failed` with the last error, then `running` when the component says that it works."""

    async def work() -> None:
        supervisor.opened()
        await anyio.sleep(10.0)

    supervisor = supervised(Attempts(fail, work))
    states = [supervisor.state]
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.supervise)
        await anyio.sleep(0.25)
        states.append(supervisor.state)
        assert supervisor.restarts == 0
        assert supervisor.last_error == "OSError: the disk is full"
        await anyio.sleep(0.5)
        states.append(supervisor.state)
        assert supervisor.restarts == 1
        assert supervisor.last_error == "OSError: the disk is full"
    assert [*states, supervisor.state] == ["starting", "failed", "running", "ended"]


async def test_only_a_mistake_in_the_code_has_a_traceback_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Faults of the environment need none."""
    await supervised(Attempts(crash, fail, end)).supervise()
    assert [bool(record.exc_info) for record in caplog.records] == [True, False]


@pytest.mark.parametrize("step", [give_up, give_up_in_a_task])
async def test_unusable_input_is_not_tried_again(
    step: Callable[[], Awaitable[None]], caplog: pytest.LogCaptureFixture
) -> None:
    """InputError is final, also out of a task group, and is logged without a traceback."""
    attempts = Attempts(step, end)
    supervisor = supervised(attempts)
    await supervisor.supervise()
    assert attempts.began_s == [0.0]
    assert (supervisor.state, supervisor.last_error) == ("failed", "no picture in it")
    assert supervisor.finished.is_set()
    (record,) = caplog.records
    assert record.getMessage().endswith("not restarted")
    assert not record.exc_info


@pytest.mark.parametrize("end_it", [Supervisor.stop, Supervisor.cancel])
async def test_the_end_does_not_wait_for_a_pause(end_it: Callable[[Supervisor], None]) -> None:
    """There is no next attempt, whether it is stopped or cancelled."""
    attempts = Attempts(fail)
    supervisor = supervised(attempts, backoff=Backoff(initial_s=20.0))
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.supervise)
        await anyio.sleep(1.0)
        end_it(supervisor)
    assert anyio.current_time() == pytest.approx(1.0)
    assert attempts.began_s == [0.0]
    assert supervisor.state == "failed"


async def test_a_pause_can_be_cut_short() -> None:
    """The next attempt comes at once; the pause after it does not change."""
    attempts = Attempts(*[fail] * 3, end)
    supervisor = supervised(attempts, backoff=Backoff(initial_s=10.0, max_s=100.0))
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.supervise)
        await anyio.sleep(1.0)
        assert supervisor.hurry()
    assert attempts.began_s == [0.0, 1.0, 21.0, 61.0]
    assert supervisor.restarts == 3


async def test_there_is_no_hurry_without_a_pause() -> None:
    """While it runs, and after it has ended or failed for good, nothing happens."""
    supervisor = supervised(Attempts(give_up))
    assert not supervisor.hurry()
    await supervisor.supervise()
    assert not supervisor.hurry()
    assert supervisor.state == "failed"


async def test_a_failure_while_stopping_is_not_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is restarted while the kernel ends."""
    attempts = Attempts(fail)
    supervisor = supervised(attempts)
    supervisor.stop()
    await supervisor.supervise()
    assert attempts.began_s == [0.0]
    assert "not restarted" in caplog.text


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("bad"), "ValueError: bad"),
        (TimeoutError(), "TimeoutError"),
        (ExceptionGroup("tasks", [ExceptionGroup("inner", [OSError("disk")])]), "OSError: disk"),
        (ExceptionGroup("tasks", [OSError("a"), OSError("b")]), "ExceptionGroup: tasks (2 sub-exceptions)"),
        (InputError("show.mcap is no recording"), "show.mcap is no recording"),
        (InputError(), "InputError"),
        (FileExistsError(errno.EEXIST, "move it away", "show.mcap"), "show.mcap: move it away"),
    ],
)
def test_an_error_is_described_in_one_line(error: Exception, text: str) -> None:
    """Its class is left out if the text is a sentence of ours; a group with one error is that error."""
    assert describe(error) == text


async def test_what_is_cancelled_ends_at_once_and_alone() -> None:
    """Only its own attempt is cancelled; it is stopped and not retried."""
    attempts = Attempts(anyio.sleep_forever)
    supervisor = supervised(attempts)
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.supervise)
        await anyio.sleep(1.0)
        supervisor.cancel()
        await supervisor.finished.wait()
        await anyio.sleep(1.0)
    assert (supervisor.state, supervisor.restarts, len(attempts.began_s)) == ("stopped", 0, 1)
    assert supervisor.settled.is_set()
    assert anyio.current_time() == pytest.approx(2.0)


async def test_what_is_cancelled_before_it_runs_never_works() -> None:
    """It ends at its first await."""
    done: list[int] = []

    async def work() -> None:
        await anyio.sleep(1.0)
        done.append(1)

    supervisor = supervised(Attempts(work))
    supervisor.cancel()
    await supervisor.supervise()
    assert (done, supervisor.state, supervisor.finished.is_set()) == ([], "stopped", True)


async def test_what_was_cancelled_and_raises_as_it_ends_is_not_retried(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The failure is logged once."""

    async def fail_to_close() -> None:
        try:
            await anyio.sleep_forever()
        finally:
            raise OSError("the disk is full")

    attempts = Attempts(fail_to_close)
    supervisor = supervised(attempts)
    async with anyio.create_task_group() as group:
        group.start_soon(supervisor.supervise)
        await anyio.sleep(0.1)
        supervisor.cancel()
    assert len(attempts.began_s) == 1
    assert [record.getMessage() for record in caplog.records] == [
        "source 'demo' failed: OSError: the disk is full; not restarted"
    ]
