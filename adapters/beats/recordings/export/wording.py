"""How an export says how much it wrote."""


def counted(number: int, noun: str) -> str:
    """A number of things."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def megabytes(size_bytes: int) -> str:
    """A size as a person reads it."""
    return f"{size_bytes:,} bytes" if size_bytes < 10_000 else f"{size_bytes / 1e6:,.2f} MB"
