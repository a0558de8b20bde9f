"""Tells a start that needs other settings from one that may succeed later."""

import ssl
from typing import Final

from beats.kernel.errors import SettingsStartError
from beats.kernel.run.supervisor import sole

_OF_SETTINGS: Final = (
    SettingsStartError,
    ValueError,  # a value that cannot be used
    ImportError,  # a package that is not installed
    FileExistsError,  # also a file where a folder is wanted
    FileNotFoundError,
    NotADirectoryError,
    IsADirectoryError,
    PermissionError,  # a file, or a port below 1024
    ssl.SSLError,  # a certificate or key that is none
)


def is_by_settings(error: BaseException) -> bool:
    """Whether another attempt would fail until the settings, or what they need, are changed.

    Such as a file that is not there or holds something else, or a package that is missing. A port that is in
    use, or a name that cannot be resolved at present, may be right a minute later.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause := sole(cause), _OF_SETTINGS):
            return True
        cause = cause.__cause__
    return False
