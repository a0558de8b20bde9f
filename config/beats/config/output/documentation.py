"""The help of each setting: the text under its field.

Pydantic can take it from there (`use_attribute_docstrings`), but reads the source of each class when that is
made: 2.5 ms for each, at every start. Here it is read when somebody asks.
"""

import ast
import inspect
import textwrap
from itertools import pairwise

from pydantic import BaseModel


def descriptions(model: type[BaseModel]) -> dict[str, str]:
    """What each field is for, in one line; nothing of one that has no text."""
    found: dict[str, str] = {}
    for cls in reversed(model.__mro__):
        if issubclass(cls, BaseModel) and cls is not BaseModel:
            found |= {name: text for name, text in _texts(cls).items() if name in model.model_fields}
    given = {name: field.description for name, field in model.model_fields.items()}
    found |= {name: text for name, text in given.items() if text}
    return {name: " ".join(text.split()) for name, text in found.items()}


def _texts(cls: type) -> dict[str, str]:
    """The string that stands alone after each annotated name in the body of a class."""
    try:
        [node] = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}  # made without a file
    body = node.body if isinstance(node, ast.ClassDef) else []
    texts: dict[str, str] = {}
    for field, text in pairwise(body):
        if (
            isinstance(field, ast.AnnAssign)
            and isinstance(field.target, ast.Name)
            and isinstance(text, ast.Expr)
            and isinstance(text.value, ast.Constant)
            and isinstance(text.value.value, str)
        ):
            texts[field.target.id] = text.value.value
    return texts
