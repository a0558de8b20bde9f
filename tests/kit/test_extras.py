"""What is said when a package is missing."""

import pytest

from beats.kit.extras import missing


@pytest.mark.parametrize(
    ("module", "command"), [("av", "pip install 'beats[video]'"), ("nkeys", "pip install nkeys")]
)
def test_a_missing_package_is_told_with_what_brings_it(module: str, command: str) -> None:
    """Its extra, where it has one."""
    assert str(missing("the sink 'x'", module)) == (
        f"the sink 'x' needs the package {module!r}, which is not installed: {command}"
    )
