import json
from importlib.metadata import version
from socket import gethostname

from beats.adapters.sinks.recorder.ledger import Ledger
from beats.kernel.stats import Loss
from tests.adapters.sinks.recorder.support import NOW_NS, context_of, settings_of


def test_a_recording_says_where_it_comes_from() -> None:
    """The version, the profile and its settings, the sink, when, and which part of what."""
    ledger = Ledger()
    ledger.parts = 2
    about = ledger.about(settings_of("a.mcap"), context_of("kiosk"), NOW_NS)
    assert about.pop("recording") not in (
        "",
        Ledger().about(settings_of("a.mcap"), context_of(), 0)["recording"],
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
    assert Ledger().about(settings, context_of(), NOW_NS)["host"] == gethostname()


def test_it_sums_up_all_parts() -> None:
    """What they hold, and what the queue gave up, by reason."""
    ledger = Ledger()
    for envelopes in (4, 3):
        ledger.record(envelopes)
    for reason, items in (("drop_newest", 5), ("too_large", 1), ("drop_newest", 2)):
        ledger.lose(Loss(reason, "frame", items, 10, 1, items, NOW_NS, NOW_NS))
    totals = dict(ledger.totals(3))
    assert json.loads(totals.pop("lost_by_reason")) == {"drop_newest": 7, "too_large": 1}
    assert totals == {"file_messages": "3", "recorded": "7", "lost": "8"}
