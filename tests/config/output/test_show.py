"""Settings as text and data."""

import datetime
import json
import tomllib
from pathlib import Path

import pytest

from beats.config.layers.merging import Level, Step
from beats.config.layers.profiles import SHIPPED
from beats.config.output.explain import Setting, settings_of
from beats.config.output.show import as_data, as_difference, as_lines, as_toml, file_name, origin, place
from beats.config.settings import ProfileSettings
from tests.config.fakes import House


def document(house: House) -> str:
    found = house.inspect()
    return as_toml(found, settings_of(found))


def line(text: str, start: str) -> str:
    [found] = [" ".join(line.split()) for line in text.splitlines() if line.startswith(start)]
    return found


def test_each_line_names_its_layer(house: House) -> None:
    """A default, a shipped file, a file, a variable, a short variable and `--set`."""
    path = house.write("mine", "[sinks.browser]\nhost = 'x'")
    house.environ = {"BEATS_SINKS__BROWSER__STALL_TIMEOUT_S": "3", "BEATS_STREAM_QUEUE_SIZE": "7"}
    house.sets = ["sinks.browser.port=9"]
    text = document(house)
    assert text.startswith(f"# Profile mine: default.toml, then {path}\n")
    assert line(text, "host") == f'host = "x" # {path}:2'
    assert line(text, "compress") == "compress = false # default"
    assert line(text, "stall") == "stall_timeout_s = 3.0 # BEATS_SINKS__BROWSER__STALL_TIMEOUT_S"
    assert line(text, "queue.size") == "queue.size = 7 # BEATS_STREAM_QUEUE_SIZE, over default.toml:16 = 256"
    assert line(text, "port") == "port = 9 # --set, over default.toml:15 = 8765"


PROFILES = [
    "",
    "[sinks.browser]\nenabled = false\n[sinks.null]\ntype = 'null'",
    "[sinks.browser]\ntype = 'null'",
    "[sinks.browser]\norigins = []\nqueue = { frame = { size = 1, overflow = 'latest' } }\nclient_queue = {}",
    "[sinks.browser]\nhost = 'a\"\\\\# \\u007f'\nstall_timeout_s = 1e-7\n[sources.\"é\"]\ntype = 'demo'",
]


@pytest.mark.parametrize("profile", PROFILES)
def test_the_shown_document_can_be_loaded(house: House, profile: str) -> None:
    """As a profile, it has the same effect."""

    def parts(settings: ProfileSettings) -> tuple[object, ...]:
        return settings.kernel, dict(settings.sources), dict(settings.sinks), settings.warnings

    house.write("mine", profile)
    before = parts(house.load())
    house.write("again", document(house))
    assert parts(house.load()) == before


def test_secrets_are_commented_out(house: House) -> None:
    """A masked value must not be loaded as the secret."""
    house.write("mine", "[sinks.browser]\ntoken = 'hush-1'")
    house.sets = ["sinks.browser.token=hush-2"]
    text = document(house)
    assert "hush" not in text
    assert line(text, "#token").startswith('#token = "********" # --set, over ')
    assert line(text, "#token").endswith("; secret: set it again before you load this")
    assert "token" not in tomllib.loads(text)["sinks"]["browser"]


def test_a_setting_without_a_value_is_commented_out(house: House) -> None:
    """TOML has no null."""
    assert line(document(house), "#client_queue") == "#client_queue = (none) # default"


PORT = Setting(
    ("sinks", "a.b", "port"),
    5,
    False,
    (Step(Level.SHIPPED, str(SHIPPED / "default.toml"), 1, 3), Step(Level.SET, "--set sinks.port", 5)),
)
DAY = Setting(("kernel", "day"), datetime.date(2024, 1, 2), False, ())
TOKEN = Setting(("sinks", "x", "token"), "hush", True, (Step(Level.VARIABLE, "BEATS_X", "hush"),))
NOTHING = Setting(("sinks", "x", "rate"), None, False, ())
NESTED = Setting(("sinks", "x", "list"), ({"day": datetime.date(2024, 1, 2)}, 1.5), False, ())


def test_data_for_other_programs_can_be_written_as_json() -> None:
    """With the full origins, and secrets masked."""
    assert json.loads(json.dumps(as_data([PORT, DAY, TOKEN, NOTHING, NESTED]))) == [
        {
            "key": 'sinks."a.b".port', "value": 5, "secret": False, "layer": "set",
            "where": "--set sinks.port",
            "over": [
                {"layer": "shipped", "where": str(SHIPPED / "default.toml"), "line": 3, "value": 1}
            ],
        },
        {"key": "kernel.day", "value": "2024-01-02", "secret": False, "layer": "default", "where": "default",
         "over": []},
        {"key": "sinks.x.token", "value": "********", "secret": True, "layer": "variable", "where": "BEATS_X",
         "over": []},
        {"key": "sinks.x.rate", "value": None, "secret": False, "layer": "default", "where": "default",
         "over": []},
        {"key": "sinks.x.list", "value": [{"day": "2024-01-02"}, 1.5], "secret": False, "layer": "default",
         "where": "default", "over": []},
    ]  # fmt: skip


def test_a_difference_reads_as_those_of_diff() -> None:
    """The first with `-`, the second with `+`, each with its origin; secrets masked."""
    assert as_difference([(PORT, None), (DAY, TOKEN)]) == (
        '- sinks."a.b".port = 5  # --set, over default.toml:3 = 1\n'
        "- kernel.day = 2024-01-02  # default\n"
        '+ sinks.x.token = "********"  # BEATS_X\n'
    )


def test_lines_leave_out_the_key_of_the_table() -> None:
    """`beats config get` prints a table like this."""
    assert as_lines([PORT, NOTHING], 2) == "port = 5\nrate = (none)\n"


def test_a_shipped_file_is_shown_without_its_folder() -> None:
    """A user's file is shown with its path."""
    assert file_name(str(SHIPPED / "studio.toml")) == "studio.toml"
    assert file_name("config/studio.toml") == "config/studio.toml"
    assert file_name(str(Path("/x/studio.toml"))) == "/x/studio.toml"
    assert place(Step(Level.SET, "overrides", 1)) == "overrides"
    assert origin(DAY) == "default"
