"""The benchmark of the relay runs, and what it counts is right. Tiny runs: figures are not looked at."""

import os
import select

import pytest

from tests.bench.relay import bare_latency, crowd, edges_cpu, medians
from tests.bench.relay_stage import CpuClock, cpu_s, family

pytestmark = pytest.mark.skipif(not hasattr(select, "epoll"), reason="the load generator needs epoll")


def test_a_crowd_of_workers_is_served_and_each_process_is_counted() -> None:
    """Parent, worker and server each take some CPU, and the clients get frames that are not old."""
    (figures,) = crowd(1, [3], 1.0)
    assert figures["clients"] == 3
    assert figures["part"] > 0.9
    assert 0 < figures["p50_ms"] < 10_000
    assert figures["parent"] > 0
    assert figures["serving"] > 0


def test_an_edge_costs_itself_and_the_origin() -> None:
    """An origin and an edge are there, and both have begun."""
    figures = edges_cpu((0, 1), 1.0)
    assert figures[0]["origin"] > 0
    assert "edge" not in figures[0]
    assert figures[1]["origin"] > 0
    assert figures[1]["edge"] > 0


def test_what_nats_takes_alone_is_measured() -> None:
    """Messages arrive with their age."""
    assert 0 < bare_latency(0.5)["p50_ms"] < 10_000


def test_cpu_is_counted_by_process() -> None:
    """This one works, and another does not exist in its family."""
    own = os.getpid()
    clock = CpuClock(own=[own], none=[])
    begin_s = cpu_s([own])
    while cpu_s([own]) < begin_s + 0.05:
        sum(range(10_000))
    assert clock.cores()["own"] > 0
    assert clock.cores()["none"] == 0
    assert family(own)["parent"] == [own]


def test_medians_are_taken_figure_by_figure() -> None:
    """Each round is a row."""
    assert medians([{"a": 1, "b": 9}, {"a": 3, "b": 8}, {"a": 2, "b": 7}]) == {"a": 2, "b": 8}
