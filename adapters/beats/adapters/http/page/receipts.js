// What became of the commands that were given here.

import { byId, write } from "./dom.js";

/** A server that says nothing for so long will not. */
const ANSWER_MS = 3000;
const SHOWN_MS = 5000;
/** Commands that wait for their receipt. */
const MOST_WAITING = 64;
const MOST_CHARACTERS = 60;

/** One line: what was sent, and whether the server took it. */
export class Receipts {
  #line = byId("sent", HTMLElement);
  /** @type {Map<number, string>} */
  #waiting = new Map();
  #last = 0;
  #timer = 0;

  /**
   * A command is being sent.
   * @param {string} words what it is
   * @returns {number} what its receipt will be known by
   */
  expect(words) {
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= MOST_WAITING) this.#waiting.delete(oldest);
    this.#last += 1;
    const short = words.length > MOST_CHARACTERS ? `${words.slice(0, MOST_CHARACTERS)}…` : words;
    this.#waiting.set(this.#last, short);
    this.#say("sent", `Sent ${short}`, ANSWER_MS, () => {
      this.#waiting.clear();
      this.#show("lost", `Sent ${short}: no receipt came`);
    });
    return this.#last;
  }

  /** @param {import("./receipt.js").Receipt} receipt */
  take({ receipt, taken, error }) {
    const words = this.#waiting.get(receipt);
    this.#waiting.delete(receipt);
    if (words === undefined) return;
    if (!taken) this.#show("refused", `Not taken: ${words}: ${error}`);
    else if (receipt === this.#last) this.#show("taken", `Sent ${words}: taken`);
  }

  /**
   * @param {string} state
   * @param {string} text
   */
  #show(state, text) {
    this.#say(state, text, SHOWN_MS, () => this.#say("", "", 0));
  }

  /**
   * @param {string} state
   * @param {string} text
   * @param {number} forMs
   * @param {(() => void)} then
   */
  #say(state, text, forMs, then = () => {}) {
    clearTimeout(this.#timer);
    this.#line.dataset.state = state;
    write(this.#line, text);
    if (forMs) this.#timer = setTimeout(then, forMs);
  }
}
