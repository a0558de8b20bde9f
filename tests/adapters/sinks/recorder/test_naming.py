from datetime import datetime
from pathlib import Path

import pytest

from beats.adapters.sinks.recorder import naming
from beats.adapters.sinks.recorder.naming import Names, check_template
from tests.adapters.sinks.recorder.support import NOW_NS

STAMP = datetime.fromtimestamp(NOW_NS / 1e9).astimezone().strftime("%Y%m%d-%H%M%S")


def names(template: str | Path, profile: str = "studio") -> Names:
    return Names(str(template), profile, NOW_NS)


def test_placeholders_are_filled_in_and_a_profile_cannot_lead_elsewhere() -> None:
    """Profile, local time and part; slashes in the profile's name become underscores."""
    template = "to/{profile}-{start:%Y%m%d-%H%M%S}-{part:03}.mcap"
    assert names(template, "../studio a").path(7) == Path(f"to/.._studio_a-{STAMP}-007.mcap")


@pytest.mark.parametrize(
    "template",
    ["{name}.mcap", "{start.__class__}.mcap", "{.mcap", "{profile:d}.mcap", "{part:%Y}.mcap", "{}"],
)
def test_a_template_that_cannot_be_filled_in_is_refused(template: str) -> None:
    """Before anything opens; the error lists the known placeholders."""
    with pytest.raises(ValueError, match=r"known are \{profile\}|.") as caught:
        check_template(template)
    if "name" in template or template == "{}":
        assert "{part:03}" in str(caught.value)


@pytest.mark.parametrize("taken", ["show-001.mcap", "show-001.mcap.part"])
def test_numbers_go_on_where_files_are(tmp_path: Path, taken: str) -> None:
    """A name with the number of the part uses the next free number, whether files are finished or not."""
    (tmp_path / taken).touch()
    assert names(tmp_path / "show-{part:03}.mcap").free(1) == tmp_path / "show-002.mcap"


@pytest.mark.parametrize(("template", "is_counted"), [("{start:%Y}.mcap", False), ("2023.mcap", True)])
def test_a_taken_name_with_a_time_gets_a_number(tmp_path: Path, template: str, is_counted: bool) -> None:
    """Two runs within one second make two files. So does a plain name, for a recorder on command."""
    for name in ("2023.mcap", "2023-2.mcap", "2023-3.mcap"):
        path = Names(str(tmp_path / template), "studio", NOW_NS, is_counted=is_counted).free(1)
        assert path == tmp_path / name
        path.touch()


def test_a_plain_name_belongs_to_one_recording(tmp_path: Path) -> None:
    """An existing file is an error that says what to do; further parts get a number."""
    template = tmp_path / "a.mcap"
    assert names(template).free(1) == template
    template.touch()
    with pytest.raises(FileExistsError, match=r"never overwritten: move it away, or put \{start:"):
        names(template).free(1)
    assert names(template).free(2) == tmp_path / "a-2.mcap"


def test_the_search_for_a_free_name_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If all numbers are taken, nothing is overwritten."""
    monkeypatch.setattr(naming, "MOST_BESIDE", 3)
    for number in (1, 2, 3):
        (tmp_path / f"{number}.mcap").touch()
    with pytest.raises(FileExistsError):
        names(tmp_path / "{part}.mcap").free(1)


@pytest.mark.parametrize(
    ("template", "of_another_day", "of_others"),
    [
        ("{profile}-{start:%Y}-{part:03}.mcap", "studio-1999-042.mcap", ["wall-1999-042.mcap", "studio.txt"]),
        ("{start:%Y}/[x]{part}.mcap", "1999/[x]7.mcap", ["1999/x7.mcap"]),
        ("{start:%Y/%m/%d}/{part:03}.mcap", "1999/12/31/007.mcap", ["1999/12/007.mcap", "007.mcap"]),
        ("{start:%D}-{part}.mcap", "12/31/99-7.mcap", ["12-31-99-7.mcap"]),
        ("{start:.%Y}/{part}.mcap", ".1999/7.mcap", ["1999/x/7.mcap"]),
        ("a.mcap", "a-2.mcap", ["b.mcap"]),
    ],
)
def test_only_files_of_the_template_are_found(
    tmp_path: Path, template: str, of_another_day: str, of_others: list[str]
) -> None:
    """Times and parts may differ; the profile and everything else must be the same."""
    for name in (of_another_day, *of_others):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert list(names(tmp_path / template).files()) == [tmp_path / of_another_day]


def test_the_files_of_a_template_may_be_unfinished(tmp_path: Path) -> None:
    """A killed run leaves such a file."""
    for name in ("1.mcap", "2.mcap.part", "3.mcap.bak"):
        (tmp_path / name).touch()
    assert sorted(names(tmp_path / "{part}.mcap").files()) == [tmp_path / "1.mcap", tmp_path / "2.mcap.part"]


@pytest.mark.parametrize(
    ("template", "root", "name"),
    [
        ("/data/{profile}-{part:03}.mcap", "/data", "studio-007.mcap"),
        ("/data/{start:%Y/%m}/x/{part}.mcap", "/data", "2023/11/x/7.mcap"),
        ("/data/{profile}/{part}.mcap", "/data", "studio/7.mcap"),
        ("rec/a.mcap", "rec", "a.mcap"),
        ("a.mcap", ".", "a.mcap"),
        ("~/rec/{part}.mcap", "~/rec", "7.mcap"),
    ],
)
def test_a_file_is_known_by_its_name_below_the_fixed_folder(template: str, root: str, name: str) -> None:
    """So it is recognised after the folder was moved as a whole."""
    made = names(template)
    assert made.root == Path(root).expanduser()
    assert made.in_root(made.path(7)) == name
