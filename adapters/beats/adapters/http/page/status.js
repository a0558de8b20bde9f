// The state of the connection, in words.

import { byId, write } from "./browser.js";
import { duration } from "./format.js";

/** Shows the state in the bar, over the picture, and by the look of a picture that is out of date. */
export class Status {
  #line = byId("status", HTMLElement);
  #text = byId("status-text", HTMLElement);
  #more = byId("status-more", HTMLElement);
  #stage = byId("stage", HTMLElement);
  #canvas = byId("canvas", HTMLCanvasElement);
  #veil = byId("veil", HTMLElement);
  /** What is said while no picture has come. */
  #missing = "No picture yet";
  #hasPicture = false;
  #isLive = false;
  /** Whether the picture is out of date although the connection is open. */
  #isOld = false;
  #isQuiet = false;
  #why = "";
  /** Why the last attempt was refused; empty: it was not refused. */
  #title = "";
  #timer = 0;

  /** The connection is open. */
  live() {
    this.#isLive = true;
    this.#isOld = false;
    this.#isQuiet = false;
    this.#why = "";
    this.#title = "";
    this.#show("good", "Live");
  }

  /** An attempt to connect has started. */
  connecting() {
    this.#isLive = false;
    if (this.#title) this.#show("bad", this.#title, "trying again");
    else this.#show("wait", "Connecting");
  }

  /**
   * The connection ended or was refused; count down to the next attempt.
   * @param {number} retryInMs
   * @param {string} why empty: not known yet
   */
  waiting(retryInMs, why) {
    this.#isLive = false;
    if (why) {
      this.#why = why;
      this.#title = "";
    }
    this.#show(this.#title ? "bad" : "wait", this.#title || "Reconnecting");
    this.#countDown(performance.now() + retryInMs);
  }

  /** Show why the last attempt was refused. @param {string} title @param {string} text */
  refused(title, text) {
    this.#title = title;
    this.#why = text;
    this.#line.dataset.tone = "bad";
    write(this.#text, title);
    this.#update();
  }

  /** The stream needs a token. */
  locked() {
    this.#isLive = false;
    this.#why = "";
    this.#title = "";
    this.#show("bad", "Token needed");
  }

  /**
   * Show for how long nothing has arrived on an open connection.
   * @param {number} quietMs 0: the pause is normal
   * @param {boolean} isOld whether the picture is out of date
   */
  quiet(quietMs, isOld) {
    if (!this.#isLive) return;
    const isQuiet = quietMs > 0;
    if (isQuiet !== this.#isQuiet) {
      this.#isQuiet = isQuiet;
      if (isQuiet) this.#show("wait", "No data");
      else this.#show("good", "Live");
    }
    this.#isOld = isQuiet && isOld;
    if (isQuiet) write(this.#more, `for ${seconds(quietMs)}`);
    this.#why = this.#isOld ? `No data for ${seconds(quietMs)}` : "";
    this.#update();
  }

  /** Show why there is no picture, also where nothing else is shown. @param {string} text empty: it is not known */
  missing(text) {
    this.#missing = text || this.#missing;
    this.#veil.classList.add("told");
    this.#update();
  }

  /** Note that a picture is on the screen. */
  drawn() {
    if (this.#hasPicture) return;
    this.#hasPicture = true;
    this.#update();
  }

  /** @param {string} tone @param {string} text @param {string} more */
  #show(tone, text, more = "") {
    clearTimeout(this.#timer);
    this.#line.dataset.tone = tone;
    write(this.#text, text);
    write(this.#more, more);
    this.#update();
  }

  #update() {
    const isStale = this.#hasPicture && (!this.#isLive || this.#isOld);
    this.#stage.classList.toggle("stale", isStale);
    write(this.#veil, this.#isLive && !this.#isOld ? (this.#hasPicture ? "" : this.#missing) : this.#why);
    this.#canvas.setAttribute("aria-label", isStale ? "The last picture, out of date" : "The live picture");
  }

  /** @param {number} untilMs */
  #countDown(untilMs) {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) return;
    const when = `in ${Math.ceil(leftMs / 1000)} s`;
    write(this.#more, this.#title ? `next try ${when}` : when);
    this.#timer = setTimeout(() => this.#countDown(untilMs), leftMs % 1000 || 1000);
  }
}

/** @param {number} ms */
function seconds(ms) {
  return duration(Math.floor(ms / 1000) * 1000).replace(".0", "");
}
