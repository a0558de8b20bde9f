"""Secrets that are given in the settings, or in a file."""

import logging
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Final

from pydantic import Field, SecretStr

from beats.config.checks.texts import stray_characters

_log: Final = logging.getLogger(__name__)

Secret = Annotated[SecretStr, Field(min_length=1)]


def check_places(settings: object, *keys: str) -> None:
    """Check that each secret is given in one place only: in its setting, or in a file.

    Raises:
        ValueError: one is given in both.
    """
    for key in keys:
        if getattr(settings, key) is not None and getattr(settings, f"{key}_file") is not None:
            raise ValueError(f"{key} and {key}_file are two places for one secret: give one of them")


def secret_of(key: str, secret: SecretStr | None, file: Path | None) -> str | None:
    """The secret; None when there is none.

    Args:
        key: name of the setting, for errors.
        secret: the value in the settings.
        file: a file that holds it, in place of the value.

    Raises:
        OSError: the file cannot be read; names it.
        ValueError: the file is empty, or not text; names it.
    """
    if file is None:
        return None if secret is None else secret.get_secret_value()
    try:
        content = file.read_text().strip()
    except OSError as error:
        raise OSError(error.errno, f"{key}_file {str(file)!r} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{key}_file {str(file)!r} is not text") from error
    if not content:
        raise ValueError(f"{key}_file {str(file)!r} is empty: it must hold the {key}")
    if (what := stray_characters(content)) is not None:
        _warn(key, str(file), what)
    return content


@lru_cache(maxsize=64)
def _warn(key: str, file: str, what: str) -> None:
    """Log a warning once: each attempt to connect reads the file again."""
    _log.warning("%s_file %r: the %s %s", key, file, key, what)
