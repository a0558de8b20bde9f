import json
from importlib.metadata import version
from socket import gethostname

from beats.adapters.sinks.recorder.manifest import Manifest
from beats.kernel.stats import Loss
from tests.adapters.sinks.recorder.support import NOW_NS, context_of, settings_of


def test_a_recording_says_where_it_comes_from() -> None:
    """The version, the profile and its settings, the sink, when, and which part of what."""
    manifest = Manifest()
    manifest.parts = 2
    about = manifest.about(settings_of("a.mcap"), context_of("kiosk"), NOW_NS)
    assert about.pop("recording") not in (
        "",
        Manifest().about(settings_of("a.mcap"), context_of(), 0)["recording"],
    )
    assert about == {
        "version": version("beats"),
        "profile": "kiosk",
        "sink": "archive",
        "started": "2023-11-14T22:13:20.123457+00:00",
        "part": "3",
        "settings": '{"sinks": {"archive": {"type": "recorder"}}}',
    }


def test_it_names_its_machine_only_when_asked_to() -> None:
    """Recordings are passed on."""
    settings = settings_of("a.mcap", record_host=True)
    assert Manifest().about(settings, context_of(), NOW_NS)["host"] == gethostname()


def test_it_sums_up_all_parts() -> None:
    """What they hold, and what the queue gave up, by reason."""
    manifest = Manifest()
    for envelopes in (4, 3):
        manifest.record(envelopes)
    for reason, items in (("drop_newest", 5), ("too_large", 1), ("drop_newest", 2)):
        manifest.lose(Loss(reason, "frame", items, 10, 1, items, NOW_NS, NOW_NS))
    totals = dict(manifest.totals(3))
    assert json.loads(totals.pop("lost_by_reason")) == {"drop_newest": 7, "too_large": 1}
    assert totals == {"file_messages": "3", "recorded": "7", "lost": "8"}
