"""The settings of the source `video`: what an input is, and what it needs."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from beats.adapters.sources.video import VideoSettings
from beats.kernel.resources import Claim, Input, Package, Resources, Server


def settings(**given: Any) -> VideoSettings:
    return VideoSettings.model_validate({"type": "video", **given})


@pytest.mark.parametrize(
    ("given", "kind", "is_live"),
    [
        ({"input": "film.mp4"}, "file", False),
        ({"input": "a:b.mp4"}, "file", False),
        ({"input": "file:///a%20b.mp4"}, "file", False),
        ({"input": "pipe.ts", "pace": "live"}, "file", True),
        ({"input": "lavfi:testsrc"}, "generator", False),
        ({"input": "testsrc", "format": "lavfi"}, "generator", False),
        ({"input": "/dev/video0"}, "device", True),
        ({"input": "0", "format": "avfoundation"}, "device", True),
        ({"input": "rtsp://cam/1"}, "address", True),
        ({"input": "http://cam/1.mjpg"}, "address", None),
        ({"input": "http://host/film.mp4", "pace": "own"}, "address", False),
    ],
)
def test_the_input_says_what_it_is(given: dict[str, Any], kind: str, is_live: bool | None) -> None:
    """An address over HTTP may be a film or a camera: that is seen when it is open."""
    found = settings(**given)
    assert (found.kind, found.is_live) == (kind, is_live)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"input": "rtsp://"}, "must be an address of the form SCHEME://HOST:PORT/PATH"),
        ({"input": "rtsp://cam:x/"}, "must be an address of the form"),
        ({"input": "/dev/video0", "loop": True}, "loop is for files: this input is live"),
        ({"input": "rtsp://cam/1", "start_s": 3.0}, "start_s is for files"),
    ],
)
def test_settings_that_contradict_each_other_are_refused(given: dict[str, Any], message: str) -> None:
    """It says why."""
    with pytest.raises(ValidationError, match=message):
        settings(**given)


PACKAGES = (Package("type", "av", "beats[video]"),)


@pytest.mark.parametrize(
    ("given", "resources"),
    [
        ("~/film.mp4", Resources(inputs=(Input("input", Path.home() / "film.mp4"),), packages=PACKAGES)),
        ("file:///a%20b.mp4", Resources(inputs=(Input("input", Path("/a b.mp4")),), packages=PACKAGES)),
        (
            "/dev/video0",
            Resources(inputs=(Input("input", Path("/dev/video0"), "device"),), packages=PACKAGES),
        ),
        ("rtsp://u:p@cam/1", Resources(servers=(Server("input", "cam", 554),), packages=PACKAGES)),
        ("http://cam:81/1", Resources(servers=(Server("input", "cam", 81),), packages=PACKAGES)),
        ("udp://@:5000", Resources(packages=PACKAGES)),
        ("lavfi:testsrc", Resources(packages=PACKAGES)),
    ],
)
def test_what_an_input_needs(given: str, resources: Resources) -> None:
    """PyAV, and a file, a device, or another machine, which may start later; and it has a picture."""
    if given.startswith("udp"):
        given = given.replace("@", "239.0.0.1")
    wanted = replace(resources, claims=(Claim("picture", "the main picture", is_shareable=True),))
    assert settings(input=given).resources("x") == wanted


def test_a_password_is_not_shown() -> None:
    """Neither in logs nor where the settings are printed."""
    found = settings(input="rtsp://user:secret@cam:554/1")
    assert found.shown == "rtsp://cam:554/1" == found.model_dump()["input"]
    assert found.input == "rtsp://user:secret@cam:554/1"
