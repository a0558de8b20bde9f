"""Values of variables that hold more than was meant, as files of variables (`.env`) make them.

`docker --env-file` and others take what stands behind `=` as it is: quotes, blanks and the carriage return
of a file with Windows line ends become part of a token, which then nobody can present, or of a path.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import PurePath
from typing import Final, cast

from pydantic import SecretStr

from beats.config.errors import Problem, dotted
from beats.config.layers.merging import Layer, Text

_QUOTES: Final = ("'", '"')


def oddity(text: str) -> str | None:
    """What a text has around it that was hardly meant, and what to do; None when there is nothing."""
    if text.endswith("\r"):
        return "ends with a carriage return, which is part of it: save its file with Unix line ends"
    if text.endswith("\n"):
        return "ends with a line end, which is part of it: remove it"
    if text != text.strip():
        return "begins or ends with a blank, which is part of it: remove it"
    if len(text) > 1 and text[0] == text[-1] and text[0] in _QUOTES:
        return "stands in quotes, which are part of it: remove them, for only a shell takes them away"
    return None


def no_texts(layers: Iterable[Layer]) -> Iterator[Problem]:
    """A problem for each value of a variable or `--set` that is no UTF-8, as all text of profiles is.

    Python keeps such bytes as halves of surrogate pairs (PEP 383), which nothing can send or compare.
    """
    for layer in layers:
        for path, text in _texts(layer.tree, ()):
            if not _is_utf_8(text.text):
                yield Problem(text.variable or layer.where, dotted(path), None, "is not UTF-8 text")


def odd_variables(layers: Iterable[Layer], settings: Mapping[str, object]) -> Iterator[str]:
    """A warning for each variable whose oddity has become part of a setting.

    Args:
        layers: what the variables say, as text.
        settings: the checked settings; those that take blanks away by themselves are as they should be.
    """
    for layer in layers:
        for path, text in _texts(layer.tree, ()):
            for part in _strings(_at(settings, path)) if text.variable is not None else ():
                if part in text.text and (what := oddity(part)) is not None:
                    yield f"{text.variable}: the value {what}"


def _is_utf_8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _texts(tree: Mapping[str, object], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Text]]:
    for key, value in tree.items():
        if isinstance(value, Text):
            yield (*path, key), value
        elif isinstance(value, Mapping):
            yield from _texts(cast("Mapping[str, object]", value), (*path, key))


def _at(value: object, path: Iterable[str]) -> object:
    """What stands at a path of the settings; None when nothing does."""
    for key in path:
        if isinstance(value, Mapping):
            value = cast("Mapping[str, object]", value).get(key)
        else:
            value = getattr(value, key, None)
    return value


def _strings(value: object) -> Iterator[str]:
    """The texts in a setting; of tables, none: in those, quotes are TOML's."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str | PurePath):
        yield str(value)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in cast("Iterable[object]", value):
            yield from _strings(item)
