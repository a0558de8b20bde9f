"""What `make docs` takes and refuses, on trees of two pages."""

from pathlib import Path
from typing import Any

import pytest
import typer
from typer.main import get_command

from docs.site.reference import UndocumentedError, commands, settings
from docs.site.sources import NAVIGATION
from tests.site.builds import build, tree

GUIDE = """# Guide

## Second part

`[code](is-no-link.md)` [Start](../README.md#tiny)

```text
[a block](is-no-link.md)
```
"""
GOOD = {
    "README.md": "# Tiny\n\n[Guide](docs/guide.md#second-part), [script](run.sh), [`tests`](tests)\n",
    "run.sh": "echo tiny\n",
    "tests/test_it.py": "",
    "docs/guide.md": GUIDE,
    NAVIGATION: '"How-to" = ["docs/guide.md"]\n',
}


def test_links_follow_their_files(tmp_path: Path) -> None:
    """To the page of a document, to a download of any other file; of a folder, the text remains."""
    built = build(tree(tmp_path / "tiny", GOOD), tmp_path / "site")
    assert (built.returncode, built.stderr) == (0, "")
    start = (tmp_path / "site/index.html").read_text(encoding="utf-8")
    assert 'href="guide.html#second-part"' in start
    (script,) = (tmp_path / "site/_downloads").glob("*/run.sh")
    assert f'href="{script.relative_to(tmp_path / "site").as_posix()}"' in start
    assert 'href="tests' not in start
    guide = (tmp_path / "site/guide.html").read_text(encoding="utf-8")
    assert 'href="index.html#tiny"' in guide
    assert "[a block](is-no-link.md)" in guide


def test_the_same_sources_give_the_same_site(tmp_path: Path) -> None:
    """Byte for byte, in another folder and with another order of sets."""
    for name, seed in (("one", "1"), ("other", "2")):
        built = build(tree(tmp_path / name / "tiny", GOOD), tmp_path / name / "site", PYTHONHASHSEED=seed)
        assert built.returncode == 0, built.stderr
    one, other = tmp_path / "one/site", tmp_path / "other/site"
    files = sorted(path.relative_to(one) for path in one.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(other) for path in other.rglob("*") if path.is_file())
    assert [file for file in files if (one / file).read_bytes() != (other / file).read_bytes()] == []


def test_what_leads_nowhere_fails_the_build(tmp_path: Path) -> None:
    """Links to a heading, a page, a file or a picture; a page outside the navigation, and one only in it."""
    links = "[a](#no-heading) [b](no-page.md) [c](../README.md#no-place) [d](../no-file.sh) ![e](no.png)\n"
    wrong = {
        **GOOD,
        "docs/guide.md": GUIDE + links,
        "docs/lonely.md": "# Nobody finds me\n",
        NAVIGATION: '"How-to" = ["docs/guide.md", "docs/gone.md"]\n',
    }
    built = build(tree(tmp_path / "tiny", wrong), tmp_path / "site")
    assert built.returncode != 0
    named = ("no-heading", "no-page", "no-place", "no-file", "no.png", "lonely", "gone")
    assert [name for name in named if name not in built.stderr] == []


def test_a_setting_without_help_is_refused() -> None:
    """With its name, and so is a table."""
    table: dict[str, Any] = {"properties": {"colour": {"type": "string"}}}
    schema = {"properties": {"paint": {"$ref": "#/$defs/PaintSettings"}}, "$defs": {"PaintSettings": table}}
    with pytest.raises(UndocumentedError, match=r"table `PaintSettings`, setting `paint\.colour`"):
        settings(schema, {})
    table |= {"description": "Paint."}
    table["properties"]["colour"]["description"] = "Of the paint."
    assert "Of the paint." in settings(schema, {})


def test_a_command_without_help_is_refused() -> None:
    """With its name, and so is an option."""
    app = typer.Typer(help="Paints.", add_completion=False)

    @app.command()
    def wall(colour: str = "white") -> None: ...

    @app.command(help="Paint a door.")
    def door() -> None: ...

    with pytest.raises(UndocumentedError, match=r"command `beats wall`, `--colour <?.*>?` of `beats wall`$"):
        commands(get_command(app))
