"""Secrets that stand in the settings, or in files of their own."""

from pathlib import Path

import pytest
from pydantic import SecretStr

from beats.kit.secrets import secret_of


def test_a_secret_is_in_the_settings_or_in_a_file(tmp_path: Path) -> None:
    """Blanks and line breaks around it in a file are removed."""
    (tmp_path / "token").write_text(" hush \n")
    assert secret_of("token", None, None) is None
    assert secret_of("token", SecretStr(" hush "), None) == " hush "
    assert secret_of("token", None, tmp_path / "token") == "hush"


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With the setting."""
    with pytest.raises(FileNotFoundError, match=r"password_file '.*gone' cannot be read: No such file"):
        secret_of("password", None, tmp_path / "gone")


@pytest.mark.parametrize(("content", "why"), [(b" \n", "is empty"), (b"\xff\xfe", "is not text")])
def test_an_empty_file_is_named(tmp_path: Path, content: bytes, why: str) -> None:
    """Its content is not shown."""
    (tmp_path / "token").write_bytes(content)
    with pytest.raises(ValueError, match=rf"token_file '.*token' {why}"):
        secret_of("token", None, tmp_path / "token")


def test_quotes_in_a_file_are_part_of_the_secret_and_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Once, without the secret: a connection that is tried again and again reads the file each time."""
    (tmp_path / "token").write_text('"hush"\n')
    for _ in range(3):
        assert secret_of("token", None, tmp_path / "token") == '"hush"'
    (record,) = caplog.records
    assert "is in quotes, which become part of it: remove them" in record.getMessage()
    assert "hush" not in record.getMessage()
