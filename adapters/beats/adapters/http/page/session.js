// Polls the server for this viewer's rights, the state of replays and recorders, and the time.

import { now } from "./clock.js";

/**
 * @typedef {object} Playback
 * @property {number} position_s
 * @property {number} duration_s
 * @property {number | "max"} speed
 * @property {boolean} paused
 * @property {number} loops
 *
 * @typedef {object} Facts
 * @property {string} beats version
 * @property {string} profile
 * @property {string} sink
 * @property {number} time_unix_ns
 * @property {{steer: boolean}} rights
 * @property {string[]} commands
 * @property {string[]} emojis
 * @property {Record<string, Playback>} playback
 * @property {Record<string, Record<string, number>>} recorders metrics by the sinks' names
 * @property {string[]} failed
 *
 * @typedef {object} Answer
 * @property {Facts | null} facts
 * @property {number} status 0: no answer
 * @property {string} text why there are no facts, in the server's words
 */

/** The first requests come sooner: several answers give a better estimate of the server's clock. */
const FIRST_REQUESTS = 2;
const FIRST_MS = 1500;
const REPLAY_MS = 1000;
const DEFAULT_MS = 5000;
/** After a command: once almost at once, and once more for a slow server. */
const SOON_MS = [60, 400];
const ANSWER_MS = 5000;
/** A server that takes longer than this may have stopped. */
const PROMPT_MS = 2000;

/** Polls while it is started and the page is visible. */
export class Session {
  #url;
  #token;
  #clock;
  #onAnswer;
  #timer = 0;
  #isOn = false;
  #asked = 0;
  /** When the pending request was sent; NaN: none is pending. */
  #waitsSinceMs = Number.NaN;
  #hasFailed = false;
  /** @type {number[]} */
  #soon = [];
  #intervalMs = DEFAULT_MS;

  /**
   * @param {URL} url
   * @param {() => string | null} token
   * @param {import("./clock.js").Clock} clock
   * @param {(answer: Answer) => void} onAnswer
   */
  constructor(url, token, clock, onAnswer) {
    this.#url = url;
    this.#token = token;
    this.#clock = clock;
    this.#onAnswer = onAnswer;
    document.addEventListener("visibilitychange", () => {
      this.#clock.reset(); // the monotonic clock stops while the machine sleeps
      this.#asked = 0;
      this.#schedule();
    });
  }

  /** Start to poll. */
  start() {
    this.#isOn = true;
    this.#asked = 0;
    this.#hasFailed = false;
    this.#clock.reset();
    this.#schedule();
  }

  /** Stop polling. */
  stop() {
    this.#isOn = false;
    clearTimeout(this.#timer);
  }

  /** Whether the server fails to answer. */
  get isUnanswered() {
    return this.#hasFailed || now() - this.#waitsSinceMs > PROMPT_MS;
  }

  /** Poll sooner, because a command was sent. */
  soon() {
    this.#soon = [...SOON_MS];
    this.#schedule();
  }

  /** Ask once. @param {string | null} token @returns {Promise<Answer>} */
  async ask(token = this.#token()) {
    try {
      return await this.#request(token);
    } catch {
      return { facts: null, status: 0, text: "" };
    }
  }

  /** @param {string | null} token @returns {Promise<Answer>} */
  async #request(token) {
    const askedMs = now();
    const response = await fetch(this.#url, {
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const answeredMs = now();
    if (!response.ok) return { facts: null, status: response.status, text: (await response.text()).trim() };
    /** @type {Facts} */
    const facts = await response.json();
    this.#clock.sample(askedMs, answeredMs, facts.time_unix_ns / 1e6);
    return { facts, status: response.status, text: "" };
  }

  #schedule() {
    clearTimeout(this.#timer);
    if (!this.#isOn || document.visibilityState === "hidden") return;
    this.#timer = setTimeout(() => this.#poll(), this.#nextMs());
  }

  #nextMs() {
    const soon = this.#soon.shift();
    if (soon !== undefined) return soon;
    if (this.#asked === 0) return 0;
    return this.#asked < FIRST_REQUESTS ? FIRST_MS : this.#intervalMs;
  }

  async #poll() {
    const timer = this.#timer;
    this.#waitsSinceMs = now();
    const answer = await this.ask();
    this.#waitsSinceMs = Number.NaN;
    this.#hasFailed = answer.status === 0;
    if (!this.#isOn) return;
    this.#asked += 1;
    if (answer.facts) this.#intervalMs = Object.keys(answer.facts.playback).length ? REPLAY_MS : DEFAULT_MS;
    this.#onAnswer(answer);
    if (timer === this.#timer) this.#schedule(); // unless it was scheduled meanwhile
  }
}
