from beats.kernel.envelope import ClientIdentity, Control
from beats.kernel.stats import Stats
from beats.runtime.builder import Builder
from beats.runtime.reader import Reader
from beats.runtime.view import RuntimeView
from tests.support import quiet

ELSEWHERE = Stats(7, 3, (), ())


def elsewhere(*, clients: bool = True) -> Stats:
    return ELSEWHERE


def test_sinks_see_the_whole_run() -> None:
    """Their commands and counters are those of the view, not those of their kernel."""
    heard: list[Control] = []
    profile = Reader(None, None, None, overrides=quiet()).read()
    builder = Builder(profile, view=RuntimeView(heard.append, {"seek": dict}, elsewhere))
    context = builder._context("browser")  # pyright: ignore[reportPrivateUsage] - what it gives each sink
    control = Control("seek", {}, ClientIdentity("browser", 1, "host:1"))
    context.control(control)
    assert heard == [control]
    assert dict(context.commands) == {"seek": dict}
    assert context.stats() == ELSEWHERE
