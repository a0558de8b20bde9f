"""Which event loop is chosen, and that it runs."""

import asyncio
from importlib.machinery import ModuleSpec

import pytest

from beats.kit import event_loop
from beats.kit.event_loop import Wanted, chosen, run

SPEC = ModuleSpec("uvloop", None)


@pytest.mark.parametrize(
    ("wanted", "there", "expected"),
    [
        ("auto", SPEC, "uvloop"),
        ("auto", None, "asyncio"),
        ("asyncio", SPEC, "asyncio"),
        ("uvloop", SPEC, "uvloop"),
    ],
)
def test_auto_is_uvloop_where_it_is_installed(
    wanted: Wanted, there: ModuleSpec | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Anything else is as the setting says."""

    def find_spec(name: str) -> ModuleSpec | None:
        return there if name == "uvloop" else None

    monkeypatch.setattr(event_loop, "find_spec", find_spec)
    assert chosen(wanted) == expected


@pytest.mark.parametrize("wanted", ["asyncio", "uvloop"])
def test_a_function_runs_in_the_loop_that_is_wanted(wanted: Wanted) -> None:
    """It gets its arguments, and its result is returned."""

    async def main(number: int) -> tuple[int, str]:
        return number, type(asyncio.get_running_loop()).__module__.partition(".")[0]

    assert run(main, 7, event_loop=wanted) == (7, wanted)
