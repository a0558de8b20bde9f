"""Ids from the names of other protocols."""

import pytest

from beats.kernel.envelope import Tag
from beats.kit.id_template import IdTemplate, tag_of


@pytest.mark.parametrize(
    ("template", "expected"),
    [
        ("{topic}", "home/kitchen/temp"),
        ("{address}", "home/kitchen/temp"),
        ("{2}/{3}", "kitchen/temp"),
        ("{2}", "kitchen"),
        ("{-1} of {-2}", "temp of kitchen"),
        ("{2+}", "kitchen/temp"),
        ("room-{2}", "room-kitchen"),
        ("all", "all"),
        ("", ""),
    ],
)
def test_a_template_names_levels(template: str, expected: str) -> None:
    """From the first or the last, one or all that follow."""
    assert IdTemplate(template).id_of("home/kitchen/temp") == expected


@pytest.mark.parametrize("template", ["{0}", "{", "{topics}", "{1", "}", "{-1+}", "{{topic}}"])
def test_braces_that_mean_nothing_are_refused(template: str) -> None:
    """With what they can mean."""
    with pytest.raises(ValueError, match=r"\{2\} for its second level"):
        IdTemplate(template)


@pytest.mark.parametrize("template", ["{4}", "{-4}", "{4+}"])
def test_a_name_without_the_level_has_no_id(template: str) -> None:
    """It says which level, and of which name."""
    with pytest.raises(ValueError, match="'home/kitchen/temp' has no level"):
        IdTemplate(template).id_of("home/kitchen/temp")


def test_an_id_is_empty_only_if_the_template_is() -> None:
    """An empty level makes none."""
    with pytest.raises(ValueError, match="gives an empty id"):
        IdTemplate("{1}").id_of("/a")


def test_a_text_is_a_tag_with_or_without_a_variant() -> None:
    """A tag has a name."""
    assert tag_of("osc") == Tag("osc")
    assert tag_of("input:rotary") == Tag("input", "rotary")
    for wrong in ("", ":x", "x:"):
        with pytest.raises(ValueError, match="NAME or NAME:VARIANT"):
            tag_of(wrong)
