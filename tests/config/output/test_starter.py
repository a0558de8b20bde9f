"""What `beats init` writes."""

import tomllib

import pytest

from beats.config.layers.profiles import list_profiles
from beats.config.output.starter import EXAMPLE_NAME, SCHEMA_NAME, starter_files
from tests.config.fakes import House


@pytest.mark.parametrize("name", ["default", "wall"])
def test_the_first_profile_is_right(house: House, name: str) -> None:
    """It loads without a warning, and streams as the shipped default does."""
    for file in starter_files(name, "{}"):
        (house.folder / file.name).write_text(file.text)
    house.profile = name
    found = house.load()
    assert (list(found.sources), list(found.sinks), found.warnings) == (["demo"], ["browser"], ())
    [info] = [info for info in list_profiles(house.folder, {}) if info.name == name]
    assert info.summary.startswith("For ")
    assert ("--profile wall" in info.summary) == (name == "wall")


def test_the_example_of_a_local_layer_is_one(house: House) -> None:
    """Copied, and with its lines uncommented."""
    [example] = [file for file in starter_files("x", "") if file.name == EXAMPLE_NAME]
    text = example.text.replace("# log_level", "log_level").replace("# port", "port")
    house.write("local", text)
    assert house.browser().port == 9000
    assert house.load().kernel.log_level == "DEBUG"


def test_editors_are_pointed_to_the_schema() -> None:
    """In the first line, where they look for it."""
    profile, example, schema = starter_files("x", "the schema")
    for file in (profile, example):
        assert file.text.startswith(f"#:schema ./{SCHEMA_NAME}\n")
        tomllib.loads(file.text)
    assert schema == (SCHEMA_NAME, "the schema", True)
    assert not profile.is_shared
