"""docs/api.md has every public member of `Stream` and its neighbours, with its parameters."""

import inspect
import re
from typing import Any, Final

import pytest

from beats import app
from beats.kernel.envelope import ClientIdentity
from tests.docs.documents import DOCUMENTS

API: Final = DOCUMENTS["docs/api.md"]


def shown(cls: type) -> set[str]:
    """The public members of a class, as a heading shows them: `close()`, `sinks`."""
    found: set[str] = set()
    for owner in (each for each in cls.__mro__ if each is not object):
        for name, member in vars(owner).items():
            if name.startswith("_"):
                continue
            if isinstance(member, property):
                found.add(name)
                continue
            signature = inspect.signature(getattr(cls, name))
            parameters = [
                parameter.replace(annotation=inspect.Parameter.empty)
                for parameter in signature.parameters.values()
                if parameter.name != "self"
            ]
            found.add(f"{name}{inspect.Signature(parameters)}")
    return found


def headings(cls: type) -> set[str]:
    """The headings below that of a class."""
    after = API.headings[API.headings.index(f"`{cls.__name__}`") + 1 :]
    below = re.findall(r"^(#+) (.+)$", API.prose, re.MULTILINE)
    levels = {text: len(marks) for marks, text in below}
    found: set[str] = set()
    for heading in after:
        if levels[heading] <= 2:
            break
        found.add(heading.strip("`"))
    return found


@pytest.mark.parametrize("cls", [app.Stream, app.Opening, app.SinkHandle])
def test_every_member_has_its_heading(cls: type) -> None:
    """With its parameters and their defaults; a member that is gone has none."""
    assert headings(cls) == shown(cls)


def test_an_async_stream_differs_only_where_it_says_so() -> None:
    """Its members are those of `Stream` with the same parameters, and `from_threads`."""
    opens = {heading for heading in headings(app.Stream) if heading.startswith("open(")}
    assert shown(app.AsyncStream) - headings(app.AsyncStream) == shown(app.Stream) - opens
    coroutines = {
        name for name, member in vars(app.AsyncStream).items() if inspect.iscoroutinefunction(member)
    }
    (sentence,) = re.findall(r"([^.]*) are coroutines", " ".join(API.prose.split()))
    assert coroutines == set(re.findall(r"`(\w+)`", sentence))


def test_every_parameter_is_explained() -> None:
    """In the section of its method; so is every error that the method's docstring names."""
    for name, member in inspect.getmembers(app.Stream, inspect.isfunction):
        if name.startswith("_"):
            continue
        (heading,) = (each for each in headings(app.Stream) if each.startswith(f"{name}("))
        section = API.section(f"`{heading}`")
        for parameter in inspect.signature(member).parameters:
            assert parameter == "self" or f"`{parameter}`" in section, (name, parameter)
        for error in re.findall(r"^\s+((?:\w+(?:Error|Full)(?:, )?)+): ", inspect.getdoc(member) or "", re.M):
            assert set(re.findall(r"\w+", error)) <= set(re.findall(r"\w+", section)), (name, error)


def members_of(cls: Any) -> set[str]:
    """The fields of a class, and what it sets or defines in public."""
    assigned = re.findall(r"^ +self\.([a-z]\w*)(?::.*)? = ", inspect.getsource(cls), re.MULTILINE)
    named = {name for name in dir(cls) if not name.startswith("_")}
    return {*named, *getattr(cls, "__dataclass_fields__", ()), *getattr(cls, "_fields", ()), *assigned}


def test_other_names_have_the_members_that_are_shown() -> None:
    """Each class of the last table; of the counters, all that there are."""
    table = dict(re.findall(r"^\| `(\w+)(?:\(.*\))?` \| (.*) \|$", API.section("Other names"), re.MULTILINE))
    classes = {name: getattr(app, name) for name in table if inspect.isclass(getattr(app, name))}
    assert len(classes) > 5
    for name, cls in classes.items():
        spans = {span.strip("()") for span in re.findall(r"`([a-z]\w*(?:\(\))?)`", table[name])}
        inner = members_of(ClientIdentity) if cls is app.Control else set[str]()
        assert spans <= members_of(cls) | inner, name
    assert members_of(app.Stats) <= set(re.findall(r"\w+", table["Stats"]))


def test_every_name_of_the_module_is_there() -> None:
    """What `beats.app` exports is somewhere on the page."""
    named = {name for span in API.spans for name in re.findall(r"\w+", span)}
    assert set(app.__all__) <= named
