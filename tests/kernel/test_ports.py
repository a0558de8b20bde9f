import pytest

from beats.kernel.ports import Context
from beats.kernel.testing import FixedClock


def test_a_context_without_commands_and_settings_has_none() -> None:
    """Both are there, empty and unchangeable."""
    context = Context("browser", "studio", FixedClock(), lambda control: None)
    for mapping in (context.commands, context.settings):
        assert dict(mapping) == {}
        with pytest.raises(TypeError):
            mapping["pause"] = None  # type: ignore[index]  # pyright: ignore[reportIndexIssue]
