"""A viewer's choice, over real sockets."""

import anyio
import pytest
from websockets.asyncio.client import connect

from beats.kernel.envelope import Frame
from tests.adapters.sinks.websocket.support import exact, frame, on_air, receive, settings, until
from tests.support import picture

pytestmark = pytest.mark.anyio


async def test_a_viewer_gets_the_kinds_and_topics_it_asked_for() -> None:
    """In last values and stream, with nothing missing."""
    async with on_air() as running:
        running.frame()
        running.knob(1, "a")
        running.knob(1, "b")
        await running.fanned_out()
        async with (
            connect(running.url + "/?kinds=frame") as frames,
            connect(running.url + "/?topics=peripheral/a") as knob_a,
            connect(running.url) as everything,
        ):
            await until(lambda: running.totals.connected == 3)
            for value in (2, 3):
                running.knob(value, "a")
                running.knob(value, "b")
                running.frame()
            assert [(await receive(frames)).sequence for _ in range(3)] == [1, 2, 3]
            got = [await receive(knob_a) for _ in range(3)]
            assert [(item.topic, item.sequence) for item in got] == [("peripheral/a", n) for n in (1, 2, 3)]
            assert len([await receive(everything) for _ in range(9)]) == 9
            await until(lambda: running.client(0).queue.taken.items == 3)
            assert running.client(0).queue.offered.items == 3


async def test_a_viewer_may_skip_the_last_values() -> None:
    """With `snapshot=0` it begins with the first new envelope."""
    async with on_air() as running:
        running.knob("old")
        await running.fanned_out()
        async with connect(running.url + "/?snapshot=0") as viewer:
            await until(lambda: running.totals.connected == 1)
            running.knob("new")
            assert (await receive(viewer)).sequence == 2


async def test_max_fps_leaves_out_frames_and_counts_them() -> None:
    """A viewer gets fewer frames, including the newest, and every update; left-out frames are counted."""
    async with on_air() as running:
        url = running.url + "/?max_fps=20"
        async with connect(url) as phone, connect(url) as tablet, connect(running.url) as wall:
            await until(lambda: running.totals.connected == 3)
            begin_s = anyio.current_time()
            for value in range(1, 61):
                running.frame()
                running.knob(value)
                while (await receive(wall)).kind == "frame":
                    pass
                await anyio.sleep(0.005)  # a rate is what is tested
            seen = [await receive(phone)]
            while seen[-1].topic != "frame" or seen[-1].sequence < 60:
                seen.append(await receive(phone))
            elapsed_s = anyio.current_time() - begin_s
            frames = [item.sequence for item in seen if item.kind == "frame"]
            knobs = [item.sequence for item in seen if item.kind == "peripheral"]
            assert knobs == list(range(1, 61))
            assert frames == sorted(set(frames))
            assert frames[0] == 1
            assert 2 <= len(frames) <= elapsed_s * 20 + 2
            stats = running.client(0).queue
            assert exact(stats)
            assert [(drop.reason, drop.kind, drop.items) for drop in stats.drops] == [
                ("max_fps", "frame", 60 - len(frames))
            ]
            while (await receive(tablet)).sequence < 60:
                pass


async def test_a_late_joiner_of_a_thinned_view_sees_no_frame_twice() -> None:
    """It begins with the last frame that the view was sent, not with a held one."""
    async with on_air() as running, connect(running.url + "/?max_fps=2&kinds=frame") as first:
        await until(lambda: running.totals.connected == 1)
        running.frame()
        running.frame()
        assert (await receive(first)).sequence == 1
        async with connect(running.url + "/?max_fps=2&kinds=frame") as late:
            assert [(await receive(late)).sequence for _ in range(2)] == [1, 2]


async def test_a_held_frame_is_dropped_with_the_last_viewer() -> None:
    """Its timer is cancelled."""
    async with on_air(settings()) as running:
        async with connect(running.url + "/?max_fps=1") as viewer:
            await until(lambda: running.totals.connected == 1)
            running.frame()
            running.frame()
            await receive(viewer)
        await until(lambda: running.totals.connected == 0)
        assert running.totals.delivered.items == 1


JPEG = Frame(picture("jpeg", 4, 3), media_type="image/jpeg", width=4, height=3)


async def test_pictures_are_chosen_by_their_topics() -> None:
    """A viewer that asks for nothing gets the main one alone."""
    async with on_air() as running:
        publish = running.kernel.publisher.publish
        async with (
            connect(running.url) as old,
            connect(running.url + "/?topics=*&formats=jpeg,png") as new,
            connect(running.url + "/?topics=frame/cam-*,peripheral/*&formats=jpeg") as camera,
        ):
            await until(lambda: running.totals.connected == 3)
            running.frame()
            publish(JPEG._replace(id="cam-1"))
            publish(JPEG)
            running.knob(1)
            seen = [await receive(new) for _ in range(4)]
            places = [(item.topic, item.sequence) for item in seen]
            assert places == [("frame", 1), ("frame/cam-1", 1), ("frame", 2), ("peripheral/knob", 1)]
            assert seen[2].message == JPEG
            assert [(await receive(camera)).topic for _ in range(2)] == ["frame/cam-1", "peripheral/knob"]
            assert {(await receive(old)).topic for _ in range(3)} == {"frame", "peripheral/knob"}
            assert all(exact(running.client(at).queue) for at in range(3))


async def test_a_late_joiner_gets_the_latest_of_each_picture_it_asked_for() -> None:
    """What cannot be shown of that is counted: AVIF takes too long to be encoded here."""
    async with on_air() as running:
        publish = running.kernel.publisher.publish
        running.frame()
        for id_ in ("left", "right", "left"):
            publish(JPEG._replace(id=id_))
        await running.fanned_out()
        async with connect(running.url + "/?topics=*&formats=png,jpeg") as new:
            seen = [await receive(new) for _ in range(3)]
            places = {(item.topic, item.sequence) for item in seen}
            assert places == {("frame", 1), ("frame/left", 2), ("frame/right", 1)}
        avif = running.url + "/?topics=*&formats=avif"
        async with connect(avif), connect(avif):
            await until(lambda: running.totals.connected == 2)
            for viewer in running.sink.clients():
                assert [(drop.reason, drop.items) for drop in viewer.queue.drops] == [("format", 3)]
                assert exact(viewer.queue)


async def test_max_fps_holds_for_each_picture() -> None:
    """A fast picture does not displace another one."""
    async with on_air() as running, connect(running.url + "/?max_fps=0.001&topics=*") as viewer:
        await until(lambda: running.totals.connected == 1)
        for _ in range(3):
            running.frame()
            running.kernel.publisher.publish(frame()._replace(id="cam"))
        assert {(await receive(viewer)).topic for _ in range(2)} == {"frame", "frame/cam"}
        await until(lambda: sum(drop.items for drop in running.client().queue.drops) == 2)
