"""Names of files to be written, as they are given on the command line."""

from pathlib import Path

from beats.recordings import PART_SUFFIX, SUFFIX


def why_no_file(path: Path) -> str | None:
    """Why a file cannot be written under this name, and what would be right; None when it can."""
    try:
        is_folder = path.is_dir()
    except OSError:  # opening it says why
        return None
    if is_folder or not path.name:
        return "is a folder: name a file in it"
    if path.name.endswith(PART_SUFFIX):
        return (
            f"{PART_SUFFIX} is added to the name of a file while it is written: "
            f"give {str(path).removesuffix(PART_SUFFIX)}"
        )
    return None


def why_no_recording(path: Path) -> str | None:
    """The same for a recording."""
    why = why_no_file(path)
    if why is None and path.suffix != SUFFIX:
        return f"the name of a recording ends with {SUFFIX}, by which it is found again: give {path}{SUFFIX}"
    return why
