"""What `beats tap` says when a program has named pictures only."""

from pathlib import Path

from beats.app import Stream
from tests.support import beats, quiet, tiny_png


def test_without_a_main_picture_it_names_those_that_there_are(tmp_path: Path) -> None:
    """And how to see them; it goes on, and shows the main one when that comes."""
    with Stream.open(overrides=quiet()) as stream:
        stream.publish_frame(tiny_png(), id="cam-1")
        stream.publish_frame(tiny_png(), id="cam-2")
        with beats("tap", stream.sinks["browser"].address.url, cwd=tmp_path) as program:
            program.out.wait_for(
                r"there is no main picture; there are frame/cam-1, frame/cam-2: give --topics '\*', or one"
            )
            stream.publish_frame(tiny_png())
            program.out.wait_for(r"frame +1 ")
            assert program.interrupt() == 0
