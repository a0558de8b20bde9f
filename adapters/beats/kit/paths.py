"""Paths as people write them."""

from contextlib import suppress
from pathlib import Path


def expanded(path: Path | str) -> Path:
    """The path with `~` spelt out; as it is, as in a shell, when there is no such user or home folder."""
    with suppress(RuntimeError):
        return Path(path).expanduser()
    return Path(path)


def why_absent(path: Path) -> str | None:
    """Why there is nothing at a path, as the end of a sentence; None when there is something."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return "does not exist"
    except (OSError, ValueError) as error:  # ValueError: it holds a NUL
        return f"cannot be read: {getattr(error, 'strerror', None) or error}"
    return None
