// The connection to the stream, which comes back by itself.

import { delayMs } from "./backoff.js";

/** Longest wait for an answer; a host that is gone does not even refuse. */
const ANSWER_MS = 10_000;
/** Whoever stays connected for so long was let in for good: the next failure is the first. */
const SETTLED_MS = 5_000;
/** Without a message for so long, a connection may be dead although nobody said so. */
const QUIET_MS = 10_000;

/**
 * @typedef {object} LinkState
 * @property {"connecting" | "live" | "waiting"} phase
 * @property {number} retryInMs when waiting
 * @property {number} code why it ended, when waiting: RFC 6455, section 7.4
 * @property {string} reason in the server's words; may be empty
 * @property {boolean} opened whether it had been let in, when waiting
 *
 * @typedef {object} Listener
 * @property {(state: LinkState) => void} state
 * @property {(data: ArrayBuffer | string) => void} message
 */

/** One WebSocket at a time, for ever. */
export class Link {
  #on;
  #url = "";
  /** @type {WebSocket | null} */
  #socket = null;
  #timer = 0;
  #failed = 0;
  #opened = false;
  #openedMs = 0;
  #heardMs = 0;

  /** @param {Listener} on */
  constructor(on) {
    this.#on = on;
  }

  /**
   * Connect, and again whenever the connection ends.
   * @param {string} url
   */
  start(url) {
    this.#url = url;
    this.#failed = 0;
    this.#connect();
  }

  /** Connect no more. */
  stop() {
    this.#url = "";
    this.#drop();
  }

  /** Do not wait any longer for the next attempt. */
  hurry() {
    if (this.#url && !this.#socket) this.#connect();
  }

  /** The server did not answer elsewhere: if nothing has come here either, the connection is dead. */
  doubt() {
    if (this.#opened && performance.now() - this.#heardMs > QUIET_MS) this.#lost(1006, "");
  }

  /**
   * Send a message; whether there was a connection to send it on.
   * @param {string} text
   */
  send(text) {
    if (!this.#socket || !this.#opened) return false;
    this.#socket.send(text);
    return true;
  }

  #connect() {
    this.#drop();
    this.#tell("connecting");
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#open();
    socket.onmessage = ({ data }) => {
      this.#heardMs = performance.now();
      this.#on.message(data);
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(1006, ""), ANSWER_MS);
  }

  #open() {
    clearTimeout(this.#timer);
    this.#opened = true;
    this.#openedMs = performance.now();
    this.#heardMs = this.#openedMs;
    this.#tell("live");
  }

  /**
   * @param {number} code
   * @param {string} reason
   */
  #lost(code, reason) {
    const opened = this.#opened;
    if (opened && performance.now() - this.#openedMs >= SETTLED_MS) this.#failed = 0;
    this.#drop();
    const retryInMs = delayMs(this.#failed, Math.random());
    this.#failed += 1;
    this.#timer = setTimeout(() => this.#connect(), retryInMs);
    this.#tell("waiting", { retryInMs, code, reason, opened });
  }

  /** Have nothing more to do with the socket: one to a host that is gone takes minutes to close. */
  #drop() {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = null;
    this.#opened = false;
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /**
   * @param {LinkState["phase"]} phase
   * @param {Partial<LinkState>} more
   */
  #tell(phase, more = {}) {
    this.#on.state({ phase, retryInMs: 0, code: 0, reason: "", opened: false, ...more });
  }
}
