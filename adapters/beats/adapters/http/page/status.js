// How the connection is, in words.

import { byId, write } from "./dom.js";
import { duration } from "./format.js";

/** @typedef {import("./link.js").LinkState} LinkState */

/** What the server means by these codes of RFC 6455, section 7.4, and of its registry. */
const CODES = new Map([
  [1000, "The server ended the stream."],
  [1001, "The server stopped or restarts."],
  [1006, "The connection was lost."],
  [1008, "The server closed the connection"],
  [1011, "Something failed in the server."],
  [1012, "The server restarts."],
  [1013, "This page was too slow for the stream, and was let go."],
]);

/**
 * Why a connection that had been there has ended.
 * @param {LinkState} state of phase `waiting`
 */
export function reason({ code, reason: said }) {
  const meaning = CODES.get(code) ?? `The connection ended with code ${code}.`;
  return code === 1008 ? `${meaning}: ${said || "policy"}.` : meaning;
}

/** The line in the bar, the words over the picture, and the picture's look when it is not live. */
export class Status {
  #line = byId("status", HTMLElement);
  #text = byId("status-text", HTMLElement);
  #more = byId("status-more", HTMLElement);
  #stage = byId("stage", HTMLElement);
  #canvas = byId("canvas", HTMLCanvasElement);
  #veil = byId("veil", HTMLElement);
  #hasPicture = false;
  #isLive = false;
  /** Whether the picture is an old one although the connection is there. */
  #isOld = false;
  #isQuiet = false;
  #why = "";
  /** Why the last attempt was refused; empty: it was not. */
  #title = "";
  #timer = 0;

  /** The stream comes. */
  live() {
    this.#isLive = true;
    this.#isOld = false;
    this.#isQuiet = false;
    this.#why = "";
    this.#title = "";
    this.#say("good", "Live");
  }

  /** The first attempt, or one more. */
  connecting() {
    this.#isLive = false;
    if (this.#title) this.#say("bad", this.#title, "trying again");
    else this.#say("wait", "Connecting");
  }

  /**
   * The next attempt is so far away.
   * @param {number} retryInMs
   * @param {string} why empty: it has to be found out
   */
  waiting(retryInMs, why) {
    this.#isLive = false;
    if (why) {
      this.#why = why;
      this.#title = "";
    }
    this.#say(this.#title ? "bad" : "wait", this.#title || "Reconnecting");
    this.#countDown(performance.now() + retryInMs);
  }

  /**
   * Why the last attempt was refused has been found out.
   * @param {string} title
   * @param {string} text
   */
  refused(title, text) {
    this.#title = title;
    this.#why = text;
    this.#line.dataset.tone = "bad";
    write(this.#text, title);
    this.#cover();
  }

  /** Nothing happens without a token. */
  locked() {
    this.#isLive = false;
    this.#why = "";
    this.#title = "";
    this.#say("bad", "Token needed");
  }

  /**
   * It is connected, and nothing has come for so long.
   * @param {number} quietMs 0: that is nothing special
   * @param {boolean} isOld whether the picture is not what it would be by now
   */
  quiet(quietMs, isOld) {
    if (!this.#isLive) return;
    const isQuiet = quietMs > 0;
    if (isQuiet !== this.#isQuiet) {
      this.#isQuiet = isQuiet;
      if (isQuiet) this.#say("wait", "No data");
      else this.#say("good", "Live");
    }
    this.#isOld = isQuiet && isOld;
    if (isQuiet) write(this.#more, `for ${whole(quietMs)}`);
    this.#why = this.#isOld ? `No data for ${whole(quietMs)}` : "";
    this.#cover();
  }

  /** A picture is on the screen. */
  drawn() {
    if (this.#hasPicture) return;
    this.#hasPicture = true;
    this.#cover();
  }

  /**
   * @param {string} tone
   * @param {string} text
   * @param {string} more
   */
  #say(tone, text, more = "") {
    clearTimeout(this.#timer);
    this.#line.dataset.tone = tone;
    write(this.#text, text);
    write(this.#more, more);
    this.#cover();
  }

  #cover() {
    const isStale = this.#hasPicture && (!this.#isLive || this.#isOld);
    this.#stage.classList.toggle("stale", isStale);
    write(this.#veil, this.#isLive && !this.#isOld ? (this.#hasPicture ? "" : "No picture yet") : this.#why);
    this.#canvas.setAttribute("aria-label", isStale ? "The last picture, which is old" : "The live picture");
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
function whole(ms) {
  return duration(Math.floor(ms / 1000) * 1000).replace(".0", "");
}
