"""The thread that publishes, at a rate or flat out, and what each call cost it."""

import statistics
import threading
import time
from collections.abc import Callable
from typing import Final

_FLAT_OUT_STRIDE: Final = 64
_MAX_CATCH_UP_NS: Final = 100_000_000
_KEPT: Final = 500_000
"""Calls whose cost is kept, so that a long run stays bounded."""


class Producer:
    """Calls `publish` from a thread of its own.

    With a rate it keeps to a timetable: a call that comes late is followed by the next ones without a
    pause, up to 0.1 s of delay; what is later than that is not made up for.
    """

    def __init__(
        self, publish: Callable[[], bool], rate_hz: float, count: int | None, duration_s: float | None
    ) -> None:
        self._publish: Final = publish
        self._period_ns: Final = round(1e9 / rate_hz) if rate_hz else 0
        self._count: Final = count
        self._duration_ns: Final = None if duration_s is None else round(duration_s * 1e9)
        self._stopped = False
        self._error = ""
        self._published = self._refused = 0
        self._cpu_ns = 0
        self._taken_ns: list[int] = []
        self._taken_cpu_ns: list[int] = []
        # A daemon: a peer that blocks its producer for good must still be able to end.
        self._thread: Final = threading.Thread(target=self._run, name="producer", daemon=True)

    def start(self) -> None:
        """Begin to publish."""
        self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Wait for the end."""
        if self._thread.ident is not None:
            self._thread.join(timeout_s)

    def stop(self) -> None:
        """Publish nothing more; a call that is stuck is left alone."""
        self._stopped = True
        self.wait(1.0)

    def figures(self) -> dict[str, object]:
        """What was done so far."""
        return {
            "done": self._thread.ident is not None and not self._thread.is_alive(),
            "error": self._error,
            "published": self._published,
            "refused": self._refused,
            "producer_cpu_s": self._cpu_ns / 1e9,
            "publish": self._costs(),
        }

    def _costs(self) -> dict[str, float]:
        skipped = len(self._taken_cpu_ns) // 10
        taken, cpu = sorted(self._taken_ns[skipped:]), sorted(self._taken_cpu_ns[skipped:])
        if not taken or not cpu:
            return {"calls": 0}
        return {
            "calls": len(taken),
            "median_ns": statistics.median(taken),
            "p99_ns": taken[int(len(taken) * 0.99)],
            "max_ns": taken[-1],
            "cpu_median_ns": statistics.median(cpu),
            "cpu_p99_ns": cpu[int(len(cpu) * 0.99)],
        }

    def _run(self) -> None:
        begin_ns = time.thread_time_ns()
        try:
            self._publish_all()
        except Exception as error:
            self._error = repr(error)
        self._cpu_ns = time.thread_time_ns() - begin_ns

    def _publish_all(self) -> None:
        period_ns, publish = self._period_ns, self._publish
        due_ns = time.perf_counter_ns()
        end_ns = None if self._duration_ns is None else due_ns + self._duration_ns
        calls = 0
        while not self._stopped and calls != self._count:
            if period_ns:
                now_ns = time.perf_counter_ns()
                if now_ns < due_ns:
                    time.sleep((due_ns - now_ns) / 1e9)
                elif now_ns - due_ns > _MAX_CATCH_UP_NS:
                    due_ns = now_ns
                due_ns += period_ns
            if end_ns is not None and time.perf_counter_ns() >= end_ns:
                break
            calls += 1
            accepted = self._timed() if period_ns or not calls % _FLAT_OUT_STRIDE else publish()
            if accepted:
                self._published += 1
            else:
                self._refused += 1

    def _timed(self) -> bool:
        begin_cpu_ns, begin_ns = time.thread_time_ns(), time.perf_counter_ns()
        accepted = self._publish()
        end_ns, end_cpu_ns = time.perf_counter_ns(), time.thread_time_ns()
        if len(self._taken_ns) < _KEPT:
            self._taken_ns.append(end_ns - begin_ns)
            self._taken_cpu_ns.append(end_cpu_ns - begin_cpu_ns)
            self._cpu_ns = end_cpu_ns
        return accepted
