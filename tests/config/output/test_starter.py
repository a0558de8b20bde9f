"""The files that `beats init` writes."""

import tomllib

import pytest

from beats.config.output.starter import EXAMPLE_NAME, SCHEMA_NAME, starter_files
from tests.config.fakes import House


def test_the_example_of_a_local_layer_is_valid(house: House) -> None:
    """After it is copied and its settings are uncommented."""
    [example] = [file for file in starter_files("x", "") if file.name == EXAMPLE_NAME]
    text = example.text.replace("# log_level", "log_level").replace("# port", "port")
    house.write("local", text)
    assert house.browser().port == 9000
    assert house.load().kernel.log_level == "DEBUG"


@pytest.mark.parametrize(
    ("name", "command"), [("default", "beats run"), ("wall", "beats run --profile wall")]
)
def test_the_summary_of_the_profile_says_how_to_run_it(name: str, command: str) -> None:
    """`beats profiles` lists it."""
    assert (
        starter_files(name, "")[0]
        .text.splitlines()[1]
        .startswith(f"# For my own show: `{command}` starts it")
    )


def test_the_files_name_the_schema_for_editors() -> None:
    """In the first line."""
    profile, example, schema = starter_files("x", "the schema")
    for file in (profile, example):
        assert file.text.startswith(f"#:schema ./{SCHEMA_NAME}\n")
        tomllib.loads(file.text)
    assert schema == (SCHEMA_NAME, "the schema", True)
    assert not profile.is_shared
