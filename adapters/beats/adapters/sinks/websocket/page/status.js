// How the connection is, in words.

import { byId, write } from "./dom.js";

/**
 * @typedef {import("./link.js").LinkState} LinkState
 * @typedef {import("./session.js").Answer} Answer
 */

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
 * Why the connection has ended, or did not come about.
 * @param {LinkState} state of phase `waiting`
 * @param {Answer | null} answer to a plain request that was made then; null: none was made
 */
export function reason(state, answer) {
  if (state.opened) {
    const said = CODES.get(state.code) ?? `The connection ended with code ${state.code}.`;
    return state.code === 1008 ? `${said}: ${state.reason || "policy"}.` : said;
  }
  if (!answer || answer.status === 0) return "The server cannot be reached.";
  if (answer.facts) return "The stream is full: it has as many viewers as it may have.";
  return answer.text.slice(0, 300) || `The server answered with status ${answer.status}.`;
}

/** The line in the bar, the words over the picture, and the picture's look when it is not live. */
export class Status {
  #line = byId("status", HTMLElement);
  #text = byId("status-text", HTMLElement);
  #more = byId("status-more", HTMLElement);
  #stage = byId("stage", HTMLElement);
  #veil = byId("veil", HTMLElement);
  #hasPicture = false;
  #isLive = false;
  #why = "";
  #timer = 0;

  /** The stream comes. */
  live() {
    this.#isLive = true;
    this.#why = "";
    this.#say("good", "Live");
  }

  /** The first attempt, or one more. */
  connecting() {
    this.#isLive = false;
    this.#say("wait", "Connecting");
  }

  /**
   * The next attempt is so far away.
   * @param {number} retryInMs
   * @param {string} why empty: not known yet
   */
  waiting(retryInMs, why) {
    this.#isLive = false;
    this.#why = why;
    this.#say("wait", "Reconnecting");
    this.#countDown(performance.now() + retryInMs);
  }

  /**
   * Why it waits has been found out.
   * @param {string} why
   */
  because(why) {
    this.#why = why;
    this.#cover();
  }

  /** Nothing happens without a token. */
  locked() {
    this.#isLive = false;
    this.#why = "";
    this.#say("bad", "Token needed");
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
   */
  #say(tone, text) {
    clearTimeout(this.#timer);
    this.#line.dataset.tone = tone;
    write(this.#text, text);
    write(this.#more, "");
    this.#cover();
  }

  #cover() {
    this.#stage.classList.toggle("stale", this.#hasPicture && !this.#isLive);
    write(this.#veil, this.#isLive ? (this.#hasPicture ? "" : "No picture yet") : this.#why);
  }

  /** @param {number} untilMs */
  #countDown(untilMs) {
    const leftMs = untilMs - performance.now();
    if (leftMs <= 0) return;
    write(this.#more, `in ${Math.ceil(leftMs / 1000)} s`);
    this.#timer = setTimeout(() => this.#countDown(untilMs), leftMs % 1000 || 1000);
  }
}
