import time

from beats.kernel.clock import SystemClock


def test_the_system_clock_tells_unix_nanoseconds() -> None:
    """A reading lies between two of the operating system's."""
    before = time.time_ns()
    reading = SystemClock().unix_ns()
    assert before <= reading <= time.time_ns()
