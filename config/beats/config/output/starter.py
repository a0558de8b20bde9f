"""The files that `beats init` writes: a first profile with explanations in its comments."""

from typing import Final, NamedTuple

from beats.config.layers.profiles import DEFAULT

SCHEMA_NAME: Final = "beats.schema.json"
"""The schema for editors; `beats config schema --out` updates it."""
EXAMPLE_NAME: Final = "local.toml.example"


class StarterFile(NamedTuple):
    """A file to write into the folder of profiles."""

    name: str
    text: str
    is_shared: bool
    """Whether all profiles share it, so that an existing one is kept."""


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
# For my own show: `{run}` starts it, `beats config check` checks it.
#
# This file overrides the shipped `default.toml` (a demo picture, watched in a browser): tables merge key by
# key, anything else is replaced. `beats adapters` lists all sources and sinks with their settings, and
# `beats config show` shows every setting in effect with its origin. To extend another profile:
# extends = "studio"

[kernel]
log_level = "INFO"

# What is shown: a demo. To show your own, set enabled = false here and use one of the sources below.
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

# Where it goes: to browsers on this machine. To let others watch, set host = "0.0.0.0", public_host to the
# name of this machine, and a token, best in the variable BEATS_SINKS__BROWSER__TOKEN, not here.
[sinks.browser]
type = "websocket"
host = "localhost"
port = 8765
queue = {{ size = 256, overflow = "drop_oldest" }}

# Pixels that your own program publishes. JPEG takes far fewer bytes than PNG, which is the default.
# [pixels]
# format = "jpeg"
# quality = 85

# Records to files that `beats replay` can play.
[sinks.recorder]
type = "recorder"
enabled = false
"""

_LOCAL: Final = """\
#:schema ./{schema}
# For settings of this machine, which override every profile. Copy it to local.toml to use it, and keep that
# file out of version control.

[kernel]
# log_level = "DEBUG"

[sinks.browser]
# port = 9000
"""
