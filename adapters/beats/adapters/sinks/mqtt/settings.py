"""The settings of the sink `mqtt`."""

from dataclasses import replace
from typing import Annotated

from pydantic import Field

from beats.adapters.mqtt.settings import MqttSettings, Prefix
from beats.config.settings import MIB, SinkSettings
from beats.kernel.capabilities import authority
from beats.kernel.resources import Claim, Resources
from beats.kit.connecting import FreshQueueSettings


class MqttSinkSettings(MqttSettings, SinkSettings):
    """The MQTT broker that gets the stream."""

    prefix: Prefix = "beats"
    """First levels of all topics; each stream on a broker needs its own."""
    discovery: bool = False
    """Announce numbers and booleans to Home Assistant (MQTT discovery), and pictures with `pictures`."""
    discovery_prefix: Prefix = "homeassistant"
    """First levels of the topics that Home Assistant looks at for announcements."""
    device_name: Annotated[str, Field(min_length=1, max_length=200)] = "Beats"
    """Name of the device that all announced values belong to."""
    pictures: bool = False
    """Publish pictures too, as JPEG."""
    fps: Annotated[float, Field(gt=0, le=60)] = 1.0
    """Most pictures a second, of each picture that the stream has."""
    quality: Annotated[int, Field(ge=1, le=100)] = 80
    """Quality of the JPEG; one that is JPEG already and no wider than `max_width` stays as it is."""
    max_width: Annotated[int, Field(ge=1)] | None = None
    """Scale pictures down to this width in pixels; by default they keep their size."""
    max_payload_bytes: Annotated[int, Field(ge=64, le=256 * MIB - 1)] = MIB
    """Largest message; larger ones are left out and counted. No larger than what the broker allows: it would
    close the connection."""
    # A frozen field may be narrowed, which pyright cannot see.
    queue: FreshQueueSettings = FreshQueueSettings()  # pyright: ignore[reportIncompatibleVariableOverride]
    """The queue between the bus and this sink."""

    def resources(self, profile: str) -> Resources:
        """What every connection to a broker needs, and the topics of the stream."""
        topics = Claim("prefix", f"the topics {self.prefix}/# of {authority(self.host, self.port)}")
        return replace(super().resources(profile), claims=(topics,))
