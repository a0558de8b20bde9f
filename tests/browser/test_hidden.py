"""Nothing piles up in a hidden page."""

import pytest

from tests.browser.host import Host, frame, update
from tests.browser.tab import Tab
from tests.support import tiny_png

COUNT = 400

# What a browser does to a hidden page: it stops animation frames and sends an event. (Without a screen,
# Chromium never hides a page.) Also counts the messages of the worker to the page.
_HIDING = """
    const draw = requestAnimationFrame.bind(window);
    const waiting = [];
    let hidden = false;
    window.sent = { frame: 0, batch: 0, receipt: 0 };
    window.requestAnimationFrame = callback => hidden ? waiting.push(callback) : draw(callback);
    Object.defineProperty(document, "visibilityState", { get: () => hidden && tells ? "hidden" : "visible" });
    let tells = true;
    window.hide = (saysSo) => {
        tells = saysSo;
        hidden = true;
        document.dispatchEvent(new Event("visibilitychange"));
    };
    window.unhide = () => {
        hidden = false;
        document.dispatchEvent(new Event("visibilitychange"));
        for (const callback of waiting.splice(0)) draw(callback);
    };
    const listen = Worker.prototype.addEventListener;
    Worker.prototype.addEventListener = function (type, listener) {
        listen.call(this, type, event => { window.sent[event.data.type] += 1; listener(event); });
    };
"""


@pytest.fixture
def hidden(tab: Tab, host: Host) -> Tab:
    tab.prepare(_HIDING)
    tab.open(host.url)
    return tab


@pytest.mark.parametrize("has_event", [True, False])
def test_a_hidden_page_keeps_only_the_newest_picture(hidden: Tab, host: Host, has_event: bool) -> None:
    """With or without the event it receives at most one picture; afterwards it shows the newest at once."""
    connection = host.connection()
    connection.send(frame(tiny_png(), 1))
    hidden.until_drawn(1)
    hidden.page.evaluate(f"hide({str(has_event).lower()}), sent.frame = 0")
    for number in range(2, COUNT + 1):
        connection.send(frame(tiny_png(number), number))
        connection.send(update("knob", {"turn": number}, number - 1))
    # The worker passes on receipts even to a hidden page; after this one it has read everything before.
    connection.send('{"kind": "receipt", "receipt": 0, "taken": true}')
    hidden.until("sent.receipt === 1")
    assert hidden.page.evaluate("sent.frame") <= 1
    hidden.page.evaluate("unhide()")
    hidden.until_drawn(COUNT)
    hidden.until_number("received", 2 * COUNT - 1)
    hidden.until(f"skipped.value > {COUNT / 2}")
    assert hidden.page.evaluate("sent.frame") < COUNT / 2
    hidden.until_number("drops", 0)
    hidden.shows("#list .value", str(COUNT))


def test_a_hidden_page_receives_no_batches(hidden: Tab, host: Host) -> None:
    """Nor does it poll the server."""
    connection = host.connection()
    hidden.is_live()
    hidden.until("sent.batch > 0")
    hidden.page.evaluate("hide(true)")
    _wait_for_three_batches(hidden)
    before = hidden.page.evaluate("sent.batch")
    asked = len(host.asked)
    for number in range(1, COUNT):
        connection.send(update("knob", {"turn": number}, number))
    _wait_for_three_batches(hidden)
    assert hidden.page.evaluate("sent.batch") == before
    assert len(host.asked) == asked


def test_a_frozen_page_continues_with_the_newest_picture(tab: Tab, host: Host) -> None:
    """As after a phone froze the page."""
    tab.open(host.url)
    connection = host.connection()
    connection.send(frame(tiny_png(), 1))
    tab.until_drawn(1)
    tab.freeze(True)
    for number in range(2, COUNT + 1):
        connection.send(frame(tiny_png(number), number))
    tab.freeze(False)
    tab.until_drawn(COUNT)
    tab.until_number("drops", 0)


def _wait_for_three_batches(tab: Tab) -> None:
    """Give the worker the time in which it would send three batches."""
    (worker,) = tab.page.workers
    worker.evaluate("new Promise(resolve => setTimeout(resolve, 400))")
