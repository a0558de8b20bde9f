"""Decides when to log a repeated event, so that a fault with every frame does not fill the log."""


def is_power_of_ten(count: int) -> bool:
    """Whether it is the 1st, 10th, 100th … time."""
    return str(count).strip("0") == "1"
