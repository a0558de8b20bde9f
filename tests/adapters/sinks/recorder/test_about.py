from importlib.metadata import version
from socket import gethostname

from beats.adapters.sinks.recorder.about import about
from tests.adapters.sinks.recorder.support import NOW_NS, context_of, settings_of


def test_a_recording_says_where_it_comes_from() -> None:
    """The version, the profile and its settings, the sink, when, and which part of what."""
    assert about(settings_of("a.mcap"), context_of("kiosk"), "ab12", 3, NOW_NS) == {
        "version": version("beats"),
        "profile": "kiosk",
        "sink": "archive",
        "started": "2023-11-14T22:13:20.123457+00:00",
        "recording": "ab12",
        "part": "3",
        "settings": '{"sinks": {"archive": {"type": "recorder"}}}',
    }


def test_it_names_its_machine_only_when_asked_to() -> None:
    """Recordings are passed on."""
    assert about(settings_of("a", record_host=True), context_of(), "a", 1, NOW_NS)["host"] == gethostname()
