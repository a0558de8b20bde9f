"""The system's wall clock."""

import time


class SystemClock:
    """Wall-clock time from the operating system."""

    def unix_ns(self) -> int:
        """Nanoseconds since 1970-01-01 UTC."""
        return time.time_ns()
