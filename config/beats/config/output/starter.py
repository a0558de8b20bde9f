"""What `beats init` writes: a first profile of one's own, with what there is to know in its comments."""

from typing import Final, NamedTuple

from beats.config.layers.profiles import DEFAULT

SCHEMA_NAME: Final = "beats.schema.json"
"""The schema that editors are pointed to; `beats config schema --out` writes it anew."""
EXAMPLE_NAME: Final = "local.toml.example"


class StarterFile(NamedTuple):
    """One file to write into the folder of profiles."""

    name: str
    text: str
    is_shared: bool
    """Whether it serves all profiles, and stays as it is when it is there already."""


def starter_files(profile: str, schema: str) -> list[StarterFile]:
    """The files of a first profile.

    Args:
        profile: its name.
        schema: the text of the JSON Schema.
    """
    run = "beats run" if profile == DEFAULT else f"beats run --profile {profile}"
    return [
        StarterFile(f"{profile}.toml", _PROFILE.format(run=run, schema=SCHEMA_NAME), is_shared=False),
        StarterFile(EXAMPLE_NAME, _LOCAL.format(schema=SCHEMA_NAME), is_shared=True),
        StarterFile(SCHEMA_NAME, schema, is_shared=True),
    ]


_PROFILE: Final = """\
#:schema ./{schema}
# For a show of my own: `{run}` puts it on air, `beats config check` looks it over.
#
# It lies above the shipped `default.toml` (a demo picture, watched in a browser): tables merge key by key,
# anything else is replaced. `beats adapters` lists all sources and sinks with their settings, and
# `beats config show` every setting in effect with where it comes from. To build on another profile:
# extends = "studio"

[kernel]
log_level = "INFO"

# What is shown: a demo, until there is something better. Then set enabled = false and take one of the others.
[sources.demo]
type = "demo"
enabled = true
fps = 30.0

# [sources.pictures]
# type = "images"
# path = "picture.gif"

# [sources.sensors]
# type = "jsonl"
# path = "-"

# Where it goes: to browsers on this machine. For others to watch, host = "0.0.0.0", public_host to the name
# of this machine, and a token; best in the variable BEATS_SINKS__BROWSER__TOKEN, not here.
[sinks.browser]
type = "websocket"
host = "localhost"
port = 8765
queue = {{ size = 256, overflow = "drop_oldest" }}

# And into files that `beats replay` plays again.
[sinks.recorder]
type = "recorder"
enabled = false
"""

_LOCAL: Final = """\
#:schema ./{schema}
# For what holds on this machine alone, above every profile. Copied to local.toml, it has effect; leave that
# out of version control.

[kernel]
# log_level = "DEBUG"

[sinks.browser]
# port = 9000
"""
