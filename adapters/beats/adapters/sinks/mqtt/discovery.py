"""Announces values to Home Assistant, which shows them without a line of configuration there.

The format is that of https://www.home-assistant.io/integrations/mqtt/#mqtt-discovery.
"""

import json
import re
from collections.abc import Iterator, Mapping
from hashlib import sha256
from importlib.metadata import version
from typing import Final, NamedTuple, cast

from beats.adapters.mqtt.topics import Topics
from beats.adapters.sinks.mqtt.payloads import Message
from beats.adapters.sinks.mqtt.settings import MqttSinkSettings
from beats.kernel.envelope import Envelope, Peripheral
from beats.kit.throttled_log import ThrottledLog

_FROM_TAGS: Final = {"unit": "unit_of_measurement", "device_class": "device_class"}
"""Metadata of a tag, and the field of the announcement that it becomes."""
_DEEPEST: Final = 8
_MOST_OF_ONE: Final = 32
_MOST: Final = 1000
"""Bounds of what is announced of one update, and in all: a dashboard is for people."""


class _Value(NamedTuple):
    """A number or boolean in an update."""

    path: tuple[str, ...]
    """The keys of the objects around it; empty if the update is the value itself."""
    is_switch: bool
    """Whether it is a boolean."""


class Discovery:
    """What was announced since the connection was opened."""

    def __init__(self, settings: MqttSinkSettings, topics: Topics, reports: ThrottledLog) -> None:
        self._topics: Final = topics
        self._prefix: Final = settings.discovery_prefix
        self._node: Final = f"beats_{_slug(settings.prefix)}"
        self._reports: Final = reports
        self._announced: Final[set[tuple[str, tuple[str, ...]]]] = set()
        self._common: Final = {
            "availability_topic": topics.status,
            "device": {
                "identifiers": [self._node],
                "name": settings.device_name,
                "manufacturer": "Beats",
                "sw_version": version("beats"),
            },
            "origin": {"name": "Beats", "sw_version": version("beats")},
        }

    def forget(self) -> None:
        """Announce everything again: the broker may have been restarted, and forgotten it."""
        self._announced.clear()

    def of_update(self, envelope: Envelope, payload: bytes) -> list[Message]:
        """The announcements of the values in an update that have not been announced yet.

        A value keeps the kind that it had when it was announced: number or boolean.

        Args:
            envelope: the update.
            payload: its JSON.
        """
        message = cast("Peripheral", envelope.message)
        found: list[Message] = []
        for value in _values(json.loads(payload)):
            if not self._is_new(envelope.topic, value.path):
                continue
            fields: dict[str, object] = {"state_topic": self._topics.of(envelope.topic)}
            if value.is_switch:
                fields |= {"payload_on": "true", "payload_off": "false"}
            else:
                fields["state_class"] = "measurement"
            if value.path:
                fields["value_template"] = _template(value)
            for tag in message.tags:
                fields |= _from_metadata(tag.metadata, is_switch=value.is_switch)
            component = "binary_sensor" if value.is_switch else "sensor"
            found.append(self._announcement(component, envelope.topic, value.path, fields))
        return found

    def of_picture(self, topic: str) -> list[Message]:
        """The announcement of a picture, unless it was announced already."""
        if not self._is_new(topic, ()):
            return []
        return [self._announcement("camera", topic, (), {"topic": self._topics.of(topic)})]

    def _is_new(self, topic: str, path: tuple[str, ...]) -> bool:
        key = (topic, path)
        if key in self._announced:
            return False
        if len(self._announced) >= _MOST:
            self._reports.add("values not announced", f"{topic} is not announced: {_MOST} values are")
            return False
        self._announced.add(key)
        return True

    def _announcement(
        self, component: str, topic: str, path: tuple[str, ...], fields: Mapping[str, object]
    ) -> Message:
        name = " ".join([topic.removeprefix("peripheral/"), *path])
        key = "/".join([self._topics.of(topic).removeprefix(f"{self._topics.prefix}/"), *path])
        document = {"name": name, "unique_id": f"{self._node}_{_slug(key)}", **fields, **self._common}
        place = f"{self._prefix}/{component}/{self._node}/{_slug(key)}/config"
        return Message(place, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())


def _values(data: object) -> list[_Value]:
    """The first numbers and booleans in an update, those of objects in objects too."""
    found = _walk(data, ())
    return [value for value, _ in zip(found, range(_MOST_OF_ONE), strict=False)]


def _walk(data: object, path: tuple[str, ...]) -> Iterator[_Value]:
    if isinstance(data, bool | int | float):
        yield _Value(path, isinstance(data, bool))
    elif isinstance(data, dict) and len(path) < _DEEPEST:
        for key, value in cast("dict[str, object]", data).items():
            yield from _walk(value, (*path, key))


def _template(value: _Value) -> str:
    """How Home Assistant finds the value in the JSON: a Jinja template, whose text is escaped as in JSON."""
    keys = "".join(f"[{json.dumps(key, ensure_ascii=False)}]" for key in value.path)
    # A boolean would become "True" there.
    return f"{{{{ value_json{keys}{' | lower' if value.is_switch else ''} }}}}"


def _from_metadata(metadata: Mapping[str, str], *, is_switch: bool) -> dict[str, object]:
    wanted = {"device_class"} if is_switch else _FROM_TAGS.keys()
    return {_FROM_TAGS[key]: metadata[key] for key in wanted if metadata.get(key)}


def _slug(text: str) -> str:
    """A text of letters, digits, `_` and `-`, which is all that Home Assistant takes in a topic.

    Different texts have different slugs.
    """
    plain = re.sub(r"[^A-Za-z0-9_-]", "_", text)
    return plain if plain == text else f"{plain}_{sha256(text.encode()).hexdigest()[:8]}"
