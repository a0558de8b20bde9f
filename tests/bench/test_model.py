"""The page about a million viewers says what the model computes, and the model computes what it says."""

from pathlib import Path
from typing import Final

import pytest

from tests.bench.model import Assumed, Layout, Measured, main, page

PAGE: Final = Path(__file__).parents[2] / "docs" / "a-million-viewers.md"


def test_the_tables_of_the_page_are_what_the_script_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """After a change to either, make them again with `python -m tests.bench.model`."""
    monkeypatch.setattr("sys.argv", ["model"])
    main()
    _, _, rest = PAGE.read_text().partition("<!-- python -m tests.bench.model -->\n")
    tables, _, _ = rest.partition("\n<!-- end -->")
    assert tables.strip() == capsys.readouterr().out.strip()


def test_the_page_names_the_figures_that_were_measured() -> None:
    """A new measurement changes both."""
    text = " ".join(PAGE.read_text().split())
    measured = Measured()
    assert f"takes {measured.fixed_us:g} µs of CPU and {measured.per_kb_us:g} µs for each kB" in text
    assert f"a worker {100 * measured.worker_cores:g} % of a core" in text
    assert f"the server between them {100 * measured.parent_cores:g} %" in text
    assert f"nats-server {100 * measured.broker_cores:g} % of a core for each edge" in text
    assert f"{measured.client_kb:g} kB of memory" in text
    assert f"{measured.process_clients:,} viewers are the most" in text


def test_every_viewer_has_a_place_and_no_machine_is_overfull() -> None:
    """Whatever the stream: places for all, and within each limit."""
    for frame_bytes in (100, 2_000, 20_000, 200_000):
        for rate_hz in (1.0, 10.0, 60.0):
            given = Assumed(frame_bytes=frame_bytes, rate_hz=rate_hz)
            layout = Layout(given, Measured())
            assert layout.edges * layout.per_edge >= given.viewers
            assert layout.per_edge * layout.viewer_mbit <= given.edge_gbit * 1000 * given.fill + 1e-6
            cores = layout.per_edge * layout.delivery_us * rate_hz / 1e6 + layout.edge_overhead
            assert cores <= given.edge_cores * given.fill + 0.01
            assert layout.brokers * given.broker_gbit * given.fill >= layout.broker_gbit


def test_half_the_rate_is_half_the_bytes_and_half_the_bill() -> None:
    """The bill is the bytes."""
    whole = Layout(Assumed(), Measured())
    half = Layout(Assumed(rate_hz=Assumed().rate_hz / 2), Measured())
    assert half.total_gbit == pytest.approx(whole.total_gbit / 2)
    assert half.traffic_cost == pytest.approx(whole.traffic_cost / 2)
    assert whole.traffic_cost == pytest.approx(whole.viewer_mbit / 8 / 1000 * 3600 * Assumed().price_gb)


def test_other_figures_are_options(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Those that are assumed, and those that were measured."""
    monkeypatch.setattr("sys.argv", ["model", "--viewers", "1000", "--measured-fixed-us", "100"])
    main()
    assert capsys.readouterr().out.strip() == page(Assumed(viewers=1000), Measured(fixed_us=100.0)).strip()
