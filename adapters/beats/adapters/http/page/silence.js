// How long nothing has come, and whether that means something.

/** After so long without a message it is worth saying. */
const NOTABLE_MS = 2000;
/** Pauses that are remembered, and for how long. */
const MOST_PAUSES = 8;
const REMEMBERED_MS = 120_000;
/** A pause may be so much longer than those before it. */
const TOLERANCE = 1.5;

/**
 * @typedef {object} Quiet
 * @property {number} quietMs since the last message
 * @property {boolean} isNotable whether that is longer than this stream pauses by itself
 * @property {boolean} flowed whether pictures came one after the other before: the last one is old then
 */

/** Tells a stream that has stopped from one that speaks seldom: such a one has paused before. */
export class Silence {
  #heardMs = 0;
  #frameMs = Number.NEGATIVE_INFINITY;
  #flowed = false;
  /** @type {{endMs: number, lengthMs: number}[]} */
  #pauses = [];

  /**
   * A connection begins.
   * @param {number} nowMs
   */
  begin(nowMs) {
    this.#heardMs = nowMs;
    this.#frameMs = Number.NEGATIVE_INFINITY;
    this.#flowed = false;
    this.#pauses.length = 0;
  }

  /**
   * A message has come.
   * @param {number} nowMs
   * @param {boolean} isFrame
   */
  heard(nowMs, isFrame) {
    const lengthMs = nowMs - this.#heardMs;
    this.#heardMs = nowMs;
    if (lengthMs >= NOTABLE_MS) {
      this.#pauses.push({ endMs: nowMs, lengthMs });
      if (this.#pauses.length > MOST_PAUSES) this.#pauses.shift();
    }
    if (!isFrame) return;
    this.#flowed = nowMs - this.#frameMs < NOTABLE_MS;
    this.#frameMs = nowMs;
  }

  /**
   * @param {number} nowMs
   * @returns {Quiet}
   */
  at(nowMs) {
    const quietMs = nowMs - this.#heardMs;
    return { quietMs, isNotable: quietMs >= this.#usualMs(nowMs), flowed: this.#flowed };
  }

  /**
   * The longest pause that is nothing special. One alone was perhaps a failure, two are a habit.
   * @param {number} nowMs
   */
  #usualMs(nowMs) {
    const lately = this.#pauses.filter(({ endMs }) => nowMs - endMs < REMEMBERED_MS);
    if (lately.length < 2) return NOTABLE_MS;
    return TOLERANCE * Math.max(...lately.map(({ lengthMs }) => lengthMs));
  }
}
