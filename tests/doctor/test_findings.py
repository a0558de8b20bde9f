"""What an examination finds."""

from collections.abc import Iterator

from beats.doctor.findings import LEVELS, Check, Finding, run

ONE, TWO = Finding("one", "ok", "right"), Finding("two", "fault", "wrong", "mend it")


def test_all_checks_are_made_in_order() -> None:
    """Each may find several things, or nothing."""
    checks = [Check("a", lambda: [ONE, TWO]), Check("b", lambda: ()), Check("c", lambda: iter([ONE]))]
    assert list(run(checks)) == [ONE, TWO, ONE]


def test_a_check_that_fails_is_a_finding_and_the_others_go_on() -> None:
    """What it found before stays."""

    def failing() -> Iterator[Finding]:
        yield ONE
        raise PermissionError(13, "Permission denied", "/proc")

    first, failed, last = run([Check("it", failing), Check("next", lambda: [TWO])])
    assert (first, last) == (ONE, TWO)
    assert (failed.subject, failed.level) == ("it", "warning")
    assert failed.found == ("could not be checked: PermissionError: [Errno 13] Permission denied: '/proc'")


def test_levels_go_from_best_to_worst() -> None:
    """By which findings are sorted."""
    assert LEVELS == ("ok", "note", "warning", "fault")
