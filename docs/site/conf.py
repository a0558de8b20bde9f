"""Settings of Sphinx for the documentation site: `make docs`."""

import re
import tomllib
from importlib import import_module
from pathlib import Path
from typing import Any, Final

_ROOT: Final = Path(__file__).resolve().parents[2]

project = "Beats"
author = "The Beats maintainers"
project_copyright = author  # without a year: the same sources give the same site
_metadata = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
release = version = _metadata["project"]["version"]

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
highlight_language = "text"

# Documents are Markdown as a code host shows it: no syntax of MyST but the anchors of headings.
myst_heading_anchors = 4

# Docstrings: a name in single backticks is code, and a link where it is on these pages.
default_role = "py:obj"
add_module_names = False
autodoc_default_options = {
    "members": True,
    "member-order": "bysource",
    "inherited-members": "object, tuple, Exception, RuntimeError, ValueError, BaseModel",  # but not theirs
    "exclude-members": "type, model_config",  # Sphinx would take Python's `type` for that of the settings
}
autodoc_preserve_defaults = True
napoleon_numpy_docstring = False
napoleon_use_ivar = True
python_maximum_signature_line_length = 90

suppress_warnings = ["ref.python"]  # `beats.app` has names of other modules: either place is right

nitpicky = True
# Types of Python and of other packages, and of ours that no program has to name: there is no page to lead to.
nitpick_ignore_regex = [("py:.*", r".*")]

html_theme = "furo"
html_title = f"{project} {release}"
html_copy_source = False
html_show_sphinx = False
html_use_index = False  # the search finds more
html_domain_indices = False

linkcheck_anchors_ignore_for_url = ["https://github.com/.*"]  # drawn by scripts
linkcheck_ignore = [r"https?://(localhost|127\.0\.0\.1|[\w.-]+\.(local|example|test))\b.*"]


def _show_setting(_: object, name: str, node: Any) -> str:
    """Show the key of a setting alone; its whole name is its address."""
    # Types are checked where Sphinx need not be installed.
    addnodes: Any = import_module("sphinx.addnodes")
    key = name.rpartition(".")[2]
    node += addnodes.desc_name(key, key)
    return name


def _shorten_signature(
    _: object, what: str, name: str, thing: Any, options: object, signature: str, result: str
) -> tuple[str, str] | None:
    """Show only those classes with a signature that a program calls with it."""
    if what == "class" and (
        getattr(thing, "_is_protocol", False)
        or hasattr(thing, "__members__")  # an enumeration
        or (thing.__init__.__doc__ or "").startswith("Use `")
    ):
        return "", ""
    return None


def _clean_docstring(
    _: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Mark code that is no name as such, and leave out what Python says of each field of a NamedTuple."""
    text = "\n".join(lines)
    if text.startswith("Alias for field number"):
        text = ""

    def mark(code: re.Match[str]) -> str:
        return code[0] if re.fullmatch(r"[A-Za-z_][\w.]*(\(\))?", code[1]) else f"`{code[0]}`"

    lines[:] = re.sub(r"(?<!`)`([^`]+)`(?!`)", mark, text).split("\n")


def setup(app: Any) -> None:
    """Tell Sphinx of settings, and how docstrings are shown."""
    app.add_lexer("haproxy", import_module("pygments.lexers.special").TextLexer)  # it has none of its own
    app.add_object_type("setting", "setting", objname="setting", parse_node=_show_setting)
    app.connect("autodoc-process-signature", _shorten_signature)
    app.connect("autodoc-process-docstring", _clean_docstring)
