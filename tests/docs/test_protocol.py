"""docs/protocol.md says what the code does; the tables of other documents are whole."""

import json
import re
from http import HTTPStatus
from typing import Any, Final

import pytest

from beats.adapters.http.players.players import MJPEG, STILLS
from beats.adapters.http.query import InvalidQuery
from beats.adapters.sinks.websocket.choice import parse_choice
from beats.adapters.sinks.websocket.receiver import receipt
from beats.config.layers.profiles import SHIPPED
from beats.kernel.clock import SystemClock
from beats.kernel.ports import Context
from beats.kernel.queue.overflow import OVERFLOWS
from beats.kit.controls import COMMANDS
from beats.proto import streaming_pb2
from beats.runtime.registry import SINKS, SOURCES
from tests.docs.documents import DOCUMENTS, ROOT

PROTOCOL: Final = DOCUMENTS["docs/protocol.md"]


def sources(*folders: str) -> list[str]:
    """The modules of some rooms below `adapters/beats/adapters`."""
    found = (path for folder in folders for path in (ROOT / "adapters/beats/adapters" / folder).glob("*.py"))
    return [path.read_text(encoding="utf-8") for path in found]


SERVER: Final = sources("http", "http/players", "sinks/websocket")
RELAY: Final = sources("nats", "sinks/nats", "sources/nats")


def test_the_fields_are_those_of_the_schema() -> None:
    """Each message has its row, and each field its number there; nothing else is in the table."""
    rows = dict(re.findall(r"^\| `(\w+)` \| (.*) \|$", PROTOCOL.section("Stream"), re.MULTILINE))
    file: Any = streaming_pb2.DESCRIPTOR
    expected = {
        **{
            name: {(field.name, field.number) for field in message.fields}
            for name, message in file.message_types_by_name.items()
        },
        **{
            name: {(value.name, value.number) for value in enum.values}
            for name, enum in file.enum_types_by_name.items()
        },
    }
    found = {
        name: {(field, int(number)) for field, number in re.findall(r"(\w+) = (\d+)", row)}
        for name, row in rows.items()
    }
    assert found == expected


def test_the_commands_are_those_that_are_taken() -> None:
    """Those of the wire, of replays and of recorders."""
    context = Context("it", "test", SystemClock(), lambda control: None)
    replay, recorder = SOURCES.find("replay"), SINKS.find("recorder")
    adapters: list[Any] = [
        replay.build(replay.settings(type="replay", path="show.mcap"), context),
        recorder.build(recorder.settings(type="recorder", idle=True), context),
        recorder.build(recorder.settings(type="recorder", snapshot_s=30.0), context),
    ]
    others = {name for adapter in adapters for name in adapter.commands}
    assert set(PROTOCOL.first_column("Commands")) == {*COMMANDS, *others}


def test_the_parameters_are_those_of_the_query() -> None:
    """A viewer may give each of them; the refusal of another one names the same."""
    named = PROTOCOL.first_column("Query")
    with pytest.raises(InvalidQuery) as raised:
        parse_choice("/?other=1")
    assert set(re.findall(r"\w+", str(raised.value).split("there are ")[1])) - {"and"} == set(named)
    asked = re.findall(
        r"^(\w+)=", "\n".join(DOCUMENTS["docs/websocket.md"].first_column("What a viewer can ask for")), re.M
    )
    assert set(asked) == set(named)


def test_the_paths_are_those_that_are_answered() -> None:
    """Health, metrics and what the page reads."""
    paths = {path for text in SERVER for path in re.findall(r'^ +"(/[a-z/]+)": ', text, re.MULTILINE)}
    assert {*paths, *STILLS, MJPEG, "/", "/page/…"} == set(PROTOCOL.first_column("HTTP"))


def test_the_codes_are_those_that_are_sent() -> None:
    """Each close code and each HTTP status that the server's code names."""
    section = PROTOCOL.section("Close codes")
    sent = {code for text in SERVER for code in re.findall(r"(?:fail|close_soon)\((\d{4})", text)}
    assert sent <= set(re.findall(r"^\| (\d{4}) \|", section, re.MULTILINE))
    statuses = {HTTPStatus[name] for text in SERVER for name in re.findall(r"HTTPStatus\.([A-Z_]+)", text)}
    documented = {int(code) for code in re.findall(r"^\| (\d{3}) \|", PROTOCOL.section("HTTP"), re.MULTILINE)}
    assert {status for status in statuses if status >= HTTPStatus.BAD_REQUEST} == documented


def test_the_headers_of_the_relay_are_those_that_are_sent() -> None:
    """By their names."""
    sent = {name for text in RELAY for name in re.findall(r"Beats-[A-Z][\w-]*\w", text)}
    assert sent == {name for name in PROTOCOL.first_column("NATS") if name.startswith("Beats-")}


def test_json_is_valid() -> None:
    """What documents show as JSON is JSON, and the receipt is one that the server makes."""
    shown = [json.loads(text) for document in DOCUMENTS.values() for text in document.of("json")]
    (answer,) = (value for value in shown if value["kind"] == "receipt")
    assert json.loads(receipt(answer["receipt"], answer["error"])) == answer


def test_the_tables_of_the_guides_name_what_there_is() -> None:
    """Strategies, sources, sinks; all shipped profiles, and all short variables."""
    assert set(DOCUMENTS["docs/queues.md"].first_column("Overflow strategies")) <= set(OVERFLOWS)
    assert set(DOCUMENTS["docs/sources.md"].first_column("Sources")) <= set(SOURCES.names())
    assert set(DOCUMENTS["docs/settings.md"].first_column("Sinks")) <= set(SINKS.names())
    profiles = DOCUMENTS["docs/settings.md"].first_column("Profiles")
    assert set(profiles) == {path.stem for path in SHIPPED.glob("*.toml")}
    variables = {name for kind in map(SINKS.find, SINKS.names()) for name in kind.env_aliases}
    assert set(DOCUMENTS["docs/settings.md"].first_column("Environment variables")) >= variables
