"""When to log what repeats, so that a fault at every frame does not fill the log."""


def is_power_of_ten(count: int) -> bool:
    """Whether this is the 1st, 10th, 100th … time."""
    return str(count).strip("0") == "1"
