// The connection to the stream, which reconnects by itself.

/** Longest wait for a connection; a host that is gone does not refuse it. */
const ANSWER_MS = 10_000;
/** A connection that lasted this long succeeded: the next back-off starts from its minimum. */
const SETTLED_MS = 5_000;
/** Without a message for this long, the connection may be dead. */
const QUIET_MS = 10_000;

/**
 * @typedef {object} LinkState
 * @property {"connecting" | "live" | "waiting"} phase
 * @property {number} retryInMs when waiting
 * @property {number} code the close code (RFC 6455, section 7.4), when waiting
 * @property {string} reason in the server's words; may be empty
 * @property {boolean} opened whether it had been open, when waiting
 *
 * @typedef {object} LinkListener
 * @property {(state: LinkState) => void} state
 * @property {(data: ArrayBuffer | string) => void} message
 */

/** Keeps one WebSocket open. */
export class Link {
  #on;
  #url = "";
  /** @type {WebSocket | null} */
  #socket = null;
  /** @type {WebSocket | null} to take its place once it is open */
  #next = null;
  #timer = 0;
  #failed = 0;
  #opened = false;
  #openedMs = 0;
  #heardMs = 0;

  /** @param {LinkListener} on */
  constructor(on) {
    this.#on = on;
  }

  /** Connect, and reconnect whenever the connection ends. @param {string} url */
  start(url) {
    this.#url = url;
    this.#failed = 0;
    this.#connect();
  }

  /**
   * Connect to another address from now on. An open connection stays until the other one is open, and for good if the
   * server refuses that.
   * @param {string} url
   */
  change(url) {
    this.#url = url;
    if (!this.#opened) {
      if (this.#socket) this.#connect();
      return;
    }
    this.#discard(this.#next);
    const next = new WebSocket(url);
    next.binaryType = "arraybuffer";
    next.onopen = () => {
      this.#discard(this.#socket);
      this.#socket = next;
      this.#next = null;
      this.#listen(next);
    };
    this.#next = next;
  }

  /** Disconnect, and stay disconnected. */
  stop() {
    this.#url = "";
    this.#drop();
  }

  /** If it waits to reconnect, do so now. */
  hurry() {
    if (this.#url && !this.#socket) this.#connect();
  }

  /** The server did not answer a request: unless something came here lately, the connection is dead. */
  doubt() {
    if (this.#opened && performance.now() - this.#heardMs > QUIET_MS) this.#lost(1006, "");
  }

  /** Send a message, if there is a connection. @param {string} text */
  send(text) {
    if (this.#opened) this.#socket?.send(text);
  }

  #connect() {
    this.#drop();
    this.#tell("connecting");
    const socket = new WebSocket(this.#url);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => this.#open();
    this.#listen(socket);
    this.#socket = socket;
    this.#timer = setTimeout(() => this.#lost(1006, ""), ANSWER_MS);
  }

  /** @param {WebSocket} socket */
  #listen(socket) {
    socket.onmessage = ({ data }) => {
      this.#heardMs = performance.now();
      this.#on.message(data);
    };
    socket.onclose = ({ code, reason }) => this.#lost(code, reason);
  }

  #open() {
    clearTimeout(this.#timer);
    this.#opened = true;
    this.#openedMs = performance.now();
    this.#heardMs = this.#openedMs;
    this.#tell("live");
  }

  /** @param {number} code @param {string} reason */
  #lost(code, reason) {
    const opened = this.#opened;
    if (opened && performance.now() - this.#openedMs >= SETTLED_MS) this.#failed = 0;
    this.#drop();
    const retryInMs = delayMs(this.#failed, Math.random());
    this.#failed += 1;
    this.#timer = setTimeout(() => this.#connect(), retryInMs);
    this.#tell("waiting", { retryInMs, code, reason, opened });
  }

  /** Drop the socket without waiting: closing one to a host that is gone takes minutes. */
  #drop() {
    clearTimeout(this.#timer);
    this.#discard(this.#socket);
    this.#discard(this.#next);
    this.#socket = null;
    this.#next = null;
    this.#opened = false;
  }

  /** @param {WebSocket | null} socket */
  #discard(socket) {
    if (!socket) return;
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    socket.close();
  }

  /** @param {LinkState["phase"]} phase @param {Partial<LinkState>} more */
  #tell(phase, more = {}) {
    this.#on.state({ phase, retryInMs: 0, code: 0, reason: "", opened: false, ...more });
  }
}

const LEAST_MS = 500;
const MOST_MS = 10_000;

/**
 * The wait before the next attempt. It doubles with each failed one, up to ten seconds, and half of it is random, so
 * that the viewers of a restarted server do not all reconnect at once.
 * @param {number} failed attempts in a row
 * @param {number} chance from 0 to 1
 */
export function delayMs(failed, chance) {
  const whole = Math.min(MOST_MS, LEAST_MS * 2 ** failed);
  return Math.max(LEAST_MS, whole * (0.5 + 0.5 * chance));
}
