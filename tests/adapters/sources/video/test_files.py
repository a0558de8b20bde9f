"""Files and generators, at their own pace; time is virtual, so that capture times are exact."""

import io
import shutil
import socket
import subprocess
import wave
from pathlib import Path
from typing import Any

import anyio
import av
import pytest
from PIL import Image

from beats.kernel.envelope import Frame, Message
from beats.kernel.errors import InputError
from tests.adapters.sources.video.support import (
    SIZE,
    STEP_NS,
    Recorder,
    VirtualEnding,
    first,
    frame_of,
    play,
    shade,
    source,
    video,
    write,
)
from tests.support.cameras import Camera


def image(message: Message) -> Any:
    """The picture of a frame; Pillow leaves the type of a pixel open."""
    assert isinstance(message, Frame)
    return Image.open(io.BytesIO(message.data)).convert("RGB")


def numbers(played: Recorder) -> list[int]:
    """Which picture of a film each one is: the nearest colour of six."""
    found: list[int] = []
    for message in played.messages:
        red = image(message).getpixel((5, 5))[0]
        found.append(min(range(6), key=lambda number: abs(shade(number)[0] - red)))
    return found


@pytest.mark.parametrize("name", ["film.mp4", "film.ts", "film.mkv", "film.h264"])
def test_a_film_plays_at_its_own_pace_and_ends(name: str, tmp_path: Path) -> None:
    """All pictures in order, captured as far apart as the file says."""
    played = play(input=video(tmp_path, name))
    assert numbers(played) == [number % 6 for number in range(10)]
    assert played.steps_ns() == [STEP_NS] * 9
    assert {(frame.media_type, frame.width) for frame in played.messages if isinstance(frame, Frame)} == {
        ("image/png", SIZE[0])
    }


def test_a_film_ends_when_its_last_picture_has_had_its_time(tmp_path: Path) -> None:
    """0.4 s for ten pictures."""
    ending = VirtualEnding()
    anyio.run(source(ending, input=video(tmp_path)).run, Recorder())
    assert ending.now_s() == pytest.approx(0.4)


@pytest.mark.parametrize("name", ["film.mp4", "film.ts", "film.h264", "film.avi"])
def test_a_loop_has_no_gap(name: str, tmp_path: Path) -> None:
    """The first picture follows the last one as any other, in files that can be sought in and in others."""
    codec = "mjpeg" if name.endswith("avi") else "libx264"
    played = first(15, input=video(tmp_path, name, 6, codec=codec), loop=True)
    assert numbers(played)[:15] == [number % 6 for number in range(15)]
    assert set(played.steps_ns()) == {STEP_NS}


def test_a_generator_needs_no_file() -> None:
    """FFmpeg draws it; a name that it does not know is explained."""
    played = first(4, input="lavfi:color=red:size=32x16:rate=25")
    assert image(played.messages[0]).getpixel((0, 0)) == pytest.approx((255, 0, 0), abs=3)
    assert set(played.steps_ns()) == {STEP_NS}
    with pytest.raises(InputError, match=r"lavfi:colour: Filter not found: name a generator"):
        play(input="lavfi:colour")


@pytest.mark.parametrize("name", ["film.mp4", "film.ts"])
def test_a_film_starts_where_it_is_told_to(name: str, tmp_path: Path) -> None:
    """Also between key frames, and in each round; a start behind the end is an error."""
    film = video(tmp_path, name, 60)
    assert numbers(play(input=film, start_s=2.12)) == [5, 0, 1, 2, 3, 4, 5]
    assert numbers(first(9, input=film, start_s=2.12, loop=True))[:9] == [5, 0, 1, 2, 3, 4, 5, 5, 0]
    with pytest.raises(InputError, match=r"holds no picture after 5 s"):
        play(input=film, start_s=5.0)


def test_pictures_are_left_out_evenly_for_a_lower_rate(tmp_path: Path) -> None:
    """25 a second become 5."""
    played = play(input=video(tmp_path), fps=5.0)
    assert (numbers(played), played.steps_ns()) == ([0, 5], [5 * STEP_NS])


def test_a_film_waits_for_a_bus_that_is_slow(tmp_path: Path) -> None:
    """Nothing is left out: later pictures are delayed as well, and keep their distance."""
    ending = VirtualEnding()

    def slow(count: int) -> None:
        if count == 4:  # the bus takes a second for the fourth
            ending.wait_until(ending.now_s() + 1)

    played = Recorder(slow)
    anyio.run(source(ending, input=video(tmp_path)).run, played)
    assert numbers(played) == [number % 6 for number in range(10)]
    steps = played.steps_ns()
    assert (steps[:3], steps[4:]) == ([STEP_NS] * 3, [STEP_NS] * 5)
    assert steps[3] == pytest.approx(10**9, abs=1000)


def two_halves(size: tuple[int, int]) -> Image.Image:
    """Red to the left, blue to the right."""
    picture = Image.new("RGB", size, "red")
    picture.paste((0, 0, 255), (size[0] // 2, 0, *size))
    return picture


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"size": [32, 32]}, (32, 24)),
        ({"size": [32, 32], "fit": "cover"}, (32, 32)),
        ({"size": [40, 10], "fit": "fill"}, (40, 10)),
        ({"size": [128, 128]}, (128, 96)),
    ],
)
def test_pictures_are_scaled(settings: dict[str, Any], size: tuple[int, int], tmp_path: Path) -> None:
    """With their shape kept, unless told otherwise; the middle stays in the middle."""
    write(tmp_path / "film.mp4", [two_halves(SIZE)])
    [shown] = [image(message) for message in play(input=tmp_path / "film.mp4", **settings).messages]
    assert shown.size == size
    for x, channel in ((size[0] // 4, 0), (3 * size[0] // 4, 2)):
        assert shown.getpixel((x, size[1] // 2))[channel] > 200


def test_pixels_that_are_not_square_become_square(tmp_path: Path) -> None:
    """As films for television have them: the picture is as wide as it was meant to be."""
    write(tmp_path / "wide.mp4", [two_halves(SIZE)], aspect=2)
    [shown] = play(input=tmp_path / "wide.mp4").messages
    assert image(shown).size == (2 * SIZE[0], SIZE[1])
    [shown] = play(input=tmp_path / "wide.mp4", size=[64, 64]).messages
    assert image(shown).size == (64, 24)


def test_options_go_to_ffmpeg_as_they_are(tmp_path: Path) -> None:
    """A file of bare pixels cannot be read without them; an option that FFmpeg does not know is ignored."""
    (tmp_path / "film.rgb").write_bytes(bytes(3 * 4 * 3) * 3)
    options = {"video_size": "4x3", "pixel_format": "rgb24", "framerate": 25, "no_such_option": 1}
    played = play(input=tmp_path / "film.rgb", format="rawvideo", options=options)
    assert [image(message).size for message in played.messages] == [(4, 3)] * 3
    assert played.steps_ns() == [STEP_NS] * 2


def test_a_film_from_the_network_plays_at_its_own_pace(tmp_path: Path) -> None:
    """As a file of this machine, since it tells how long it is: no picture is left out."""
    data = video(tmp_path, options={"movflags": "faststart"}).read_bytes()

    def serve(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n" % len(data) + data)

    with Camera([serve]) as server:
        played = play(input=f"http://127.0.0.1:{server.port}/film.mp4")
    assert numbers(played) == [number % 6 for number in range(10)]
    assert played.steps_ns() == [STEP_NS] * 9


def test_a_film_from_a_phone_is_upright(tmp_path: Path) -> None:
    """As ffmpeg itself shows it: here, left comes down. It is scaled as it is seen."""
    write(tmp_path / "lying.mp4", [two_halves(SIZE)])
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    options = "-v error -i lying.mp4 -c copy -metadata:s:v rotate=90 phone.mp4"
    subprocess.run(["ffmpeg", *options.split()], cwd=tmp_path, check=True, timeout=60)
    [shown] = [image(message) for message in play(input=tmp_path / "phone.mp4", size=[24, 24]).messages]
    assert shown.size == (18, 24)
    top, bottom = shown.getpixel((9, 5)), shown.getpixel((9, 19))
    assert top[2] > 200 > 100 > top[0]
    assert bottom[0] > 200 > 100 > bottom[2]


def test_a_large_film_that_does_not_tell_its_colours_has_those_of_hd(tmp_path: Path) -> None:
    """BT.709, as players take it: a strong green keeps its value."""
    container: Any = av.open(str(tmp_path / "hd.mkv"), "w")
    stream = container.add_stream("ffv1", rate=25)
    stream.width, stream.height, stream.pix_fmt = 1280, 720, "yuv444p"
    frame = frame_of(Image.new("RGB", (1280, 720), (30, 180, 60)))
    container.mux(
        stream.encode(frame.reformat(format="yuv444p", dst_colorspace="ITU709", dst_color_range="MPEG"))
    )
    container.mux(stream.encode(None))
    container.close()
    [shown] = [image(message) for message in play(input=tmp_path / "hd.mkv").messages]
    assert shown.getpixel((640, 360)) == pytest.approx((30, 180, 60), abs=3)


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(video=0) if packet.size]


def test_motion_jpeg_passes_as_it_is(tmp_path: Path) -> None:
    """Without being decoded, also for a lower rate; a size needs decoding."""
    film = video(tmp_path, "film.avi", codec="mjpeg")
    given = packets(film)
    shown = [message for message in play(input=film).messages if isinstance(message, Frame)]
    assert [frame.data for frame in shown] == given
    assert {frame[2:] for frame in shown} == {("image/jpeg", *SIZE)}
    thinned = [message for message in play(input=film, fps=5.0).messages if isinstance(message, Frame)]
    assert [frame.data for frame in thinned] == given[::5]
    assert image(play(input=film, size=[32, 32]).messages[0]).size == (32, 24)


def test_a_film_that_is_cut_off_plays_as_far_as_it_goes(tmp_path: Path) -> None:
    """It ends there."""
    film = video(tmp_path, "film.ts")
    data = film.read_bytes()
    film.write_bytes(data[: len(data) // 2])
    assert 0 < len(numbers(played := play(input=film))) < 10
    assert numbers(played) == list(range(6))[: len(played.messages)]


def test_a_film_that_is_damaged_in_its_middle_plays_on(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be shown is reported and counted."""
    film = video(tmp_path, "film.avi", codec="mjpeg")
    data, bad = film.read_bytes(), packets(film)[4]
    film.write_bytes(data.replace(bad, bytes(len(bad))))
    tested = source(VirtualEnding(), input=film)
    played = Recorder()
    anyio.run(tested.run, played)
    assert numbers(played) == [number % 6 for number in range(10) if number != 4]
    assert played.steps_ns()[3] == 2 * STEP_NS
    assert tested.metrics()["damaged_total"] == 1
    assert "source 'cam': a damaged JPEG" in caplog.text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("gone.mp4", None, r"gone\.mp4 does not exist: name a file"),
        ("garbage.mp4", b"\x00garbage" * 999, r"garbage\.mp4: Invalid data .*: FFmpeg cannot read it"),
        ("empty.mp4", b"", r"empty\.mp4: .*: FFmpeg cannot read it"),
    ],
)
def test_a_file_that_is_no_video_is_an_error_that_a_restart_does_not_help(
    name: str, content: bytes | None, message: str, tmp_path: Path
) -> None:
    """It names the file."""
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=message):
        play(input=tmp_path / name)


def test_a_file_without_pictures_is_an_error(tmp_path: Path) -> None:
    """Sound alone; or pictures of which none can be decoded."""
    with wave.open(str(tmp_path / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(8000))
    with pytest.raises(InputError, match=r"sound\.wav holds no video"):
        play(input=tmp_path / "sound.wav")


def test_a_film_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    """By the bound of all pictures, before anything is decoded."""
    with pytest.raises(InputError, match=r"film\.mp4: a picture of 64 x 48 has 3,072 pixels; at most 3,000"):
        play(input=video(tmp_path, count=1), max_pixels=3000)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"format": "v4l2"}, r"film\.mp4 is not a device: name one, such as /dev/video0"),
        ({"format": "nosuch"}, r"format is 'nosuch', which PyAV's FFmpeg does not have"),
    ],
)
def test_a_format_that_does_not_fit_is_an_error(
    settings: dict[str, Any], message: str, tmp_path: Path
) -> None:
    """It says what would be right."""
    with pytest.raises(InputError, match=message):
        play(input=video(tmp_path, count=1), **settings)


def test_a_camera_that_is_not_there_is_tried_again(tmp_path: Path) -> None:
    """It may be plugged in later, so this is no InputError."""
    with pytest.raises(FileNotFoundError, match=r"/dev/video97: No such file"):
        play(input="/dev/video97")
