"""The modules of the page as one script."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from beats.adapters.http.bundle import bundle
from tests.browser.node import NODE

SOURCES: Mapping[str, str] = {
    "add.js": '// Adds.\n\nimport { one } from "./one.js";\n\nexport function add(n) { return n + one; }\n',
    "main.js": '// Starts.\n\nimport { add, fail } from "./add.js";\n\nconsole.log(add(1));\n',
    "one.js": "// One.\n\nexport const one = 1;\nconst row = 2;\n",
}


def run(script: str, folder: Path) -> "subprocess.CompletedProcess[str]":
    (folder / "page.js").write_text(script)
    return subprocess.run(
        [NODE, "--enable-source-maps", "page.js"], cwd=folder, capture_output=True, text=True, check=False
    )


def test_a_bundle_does_what_its_modules_do(tmp_path: Path) -> None:
    """Each runs once, when it is first needed, in its own scope. Comments are left out, other lines stay."""
    sources = {
        **SOURCES,
        "never.js": '// Never.\n\nthrow new Error("nobody needs it");\n',
        "main.js": '// Starts.\n\nimport { add } from "./add.js";\nimport { one } from "./one.js";\n\n'
        "const row = 40;\nconsole.log(add(row) + one);\n",
        "one.js": '// One.\n\nconsole.log("once");\nexport const one = 1;\nconst row = 2;\n'
        "/**\n * Two.\n */\n/** @type {any} */ (row); /** Three. */\n",
    }
    script = bundle(sources, "$main();", "page.js.map").script
    done = run(script, tmp_path)
    assert (done.stderr, done.stdout) == ("", "once\n42\n")
    for source in sources.values():
        kept = {
            line for line in source.splitlines() if not line.startswith(("import", "export", "// ", " *"))
        }
        assert kept - {"/**"} <= {*script.splitlines()}
    assert "// " not in script
    assert "Two" not in script


def test_the_source_map_leads_to_the_sources(tmp_path: Path) -> None:
    """Another program that reads it finds the file and line of an error."""
    failing = '// One.\n\nexport const one = fail();\nfunction fail() {\n  throw new Error("x");\n}\n'
    sources = {**SOURCES, "one.js": failing}
    made = bundle(sources, "$main();", "page.js.map")
    (tmp_path / "page.js.map").write_text(made.map)
    done = run(made.script, tmp_path)
    assert "one.js:5" in done.stderr
    assert "add.js:3" in done.stderr
    assert json.loads(made.map)["sourcesContent"] == list(sources.values())


def test_other_forms_of_import_and_export_are_refused() -> None:
    """The error names the module and the line."""
    imports = ('"./one.js"', '* as one from "./a.js"', 'one from "./a.js"', '{ one as two } from "./a.mjs"')
    exports = ("default 1", "let one = 1", "{ one }")
    for line in (*(f"import {each};" for each in imports), *(f"export {each};" for each in exports)):
        with pytest.raises(ValueError, match=r"odd\.js: '(import|export) ") as caught:
            bundle({"odd.js": f"// Odd.\n\n{line}\n"}, "$odd();", "page.js.map")
        assert line in str(caught.value)
