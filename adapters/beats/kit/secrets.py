"""Secrets that stand in the settings, or in files of their own."""

from pathlib import Path

from pydantic import SecretStr


def secret_of(key: str, secret: SecretStr | None, file: Path | None) -> str | None:
    """What is to be presented; None when there is nothing.

    Args:
        key: the setting's, for the message.
        secret: what stands in the settings.
        file: where it stands, in place of that.

    Raises:
        OSError: the file cannot be read; says which.
        ValueError: the file is empty.
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
    return content
