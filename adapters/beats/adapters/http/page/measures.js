// What is measured of the stream: rates, missed envelopes, and pauses.

/** A rate: adds up amounts in slots of time, and forgets those older than all slots together. */
export class Meter {
  #slots;
  #slotMs;
  #slot = Number.NEGATIVE_INFINITY;
  #begin = 0;

  /** @param {number} slots @param {number} slotMs */
  constructor(slots = 20, slotMs = 100) {
    this.#slots = new Float64Array(slots);
    this.#slotMs = slotMs;
  }

  /** @param {number} amount @param {number} nowMs */
  add(amount, nowMs) {
    this.#advance(nowMs);
    this.#slots[this.#slot % this.#slots.length] += amount;
  }

  /** The amount per second, over all complete slots, or since the first amount after a pause. @param {number} nowMs */
  perSecond(nowMs) {
    this.#advance(nowMs);
    const whole = Math.min(this.#slot - this.#begin, this.#slots.length - 1);
    if (whole === 0) return 0;
    const sum = this.#slots.reduce((total, amount) => total + amount, 0);
    return ((sum - this.#slots[this.#slot % this.#slots.length]) * 1000) / (whole * this.#slotMs);
  }

  /** @param {number} nowMs */
  #advance(nowMs) {
    const slot = Math.floor(nowMs / this.#slotMs);
    if (slot - this.#slot >= this.#slots.length) {
      this.#slots.fill(0);
      this.#begin = slot;
      this.#slot = slot;
    }
    while (this.#slot < slot) {
      this.#slot += 1;
      this.#slots[this.#slot % this.#slots.length] = 0;
    }
  }
}

/** Most topics whose numbers are kept. */
const MOST_TOPICS = 20_000;

/** Counts missed envelopes from gaps in the sequence numbers of each topic. */
export class Gaps {
  /** @type {Map<string, number | bigint>} */
  #last = new Map();
  /** @type {Map<string, number>} */
  #missed = new Map();
  /** Envelopes missed, in all topics. */
  total = 0;

  /**
   * Note a sequence number. The first one of a topic, and one lower than the last (the producer restarted), start the
   * count and are no gap. 0 means that the envelope has no number.
   * @param {string} topic
   * @param {number | bigint} sequence
   */
  take(topic, sequence) {
    const last = this.#last.get(topic);
    if (!sequence || (last === undefined && this.#last.size >= MOST_TOPICS)) return;
    this.#last.set(topic, sequence);
    if (last === undefined || sequence <= last) return;
    const missed = difference(sequence, last) - 1;
    if (missed === 0) return;
    this.#missed.set(topic, (this.#missed.get(topic) ?? 0) + missed);
    this.total += missed;
  }

  /**
   * Reset the counts of all topics that begin like this, except one.
   * @param {string} beginning
   * @param {string} except
   */
  skip(beginning, except) {
    for (const topic of this.#last.keys()) if (topic.startsWith(beginning) && topic !== except) this.#last.delete(topic);
  }

  /**
   * The topics with the most missed envelopes, in descending order.
   * @param {number} count
   * @returns {[string, number][]}
   */
  worst(count) {
    return [...this.#missed].sort(([, one], [, other]) => other - one).slice(0, count);
  }

  /** Number of topics with gaps. */
  get topics() {
    return this.#missed.size;
  }
}

/** @param {number | bigint} higher @param {number | bigint} lower */
function difference(higher, lower) {
  if (typeof higher === "number" && typeof lower === "number") return higher - lower;
  return Number(BigInt(higher) - BigInt(lower));
}

/** A shorter pause is never reported. */
const NOTABLE_MS = 2000;
/** How many pauses are remembered, and for how long. */
const MOST_PAUSES = 8;
const REMEMBERED_MS = 120_000;
/** A pause is normal up to this factor of the longest one remembered. */
const TOLERANCE = 1.5;

/**
 * @typedef {object} Quiet
 * @property {number} quietMs since the last message
 * @property {boolean} isNotable whether that is longer than the usual pauses of this stream
 * @property {boolean} flowed whether pictures had been arriving continuously, so that the last one is out of date
 */

/** Distinguishes a stream that has stopped from one that often pauses. */
export class Silence {
  #heardMs = 0;
  #frameMs = Number.NEGATIVE_INFINITY;
  #flowed = false;
  /** @type {{endMs: number, lengthMs: number}[]} */
  #pauses = [];

  /** Start over for a new connection. @param {number} nowMs */
  begin(nowMs) {
    this.#heardMs = nowMs;
    this.#frameMs = Number.NEGATIVE_INFINITY;
    this.#flowed = false;
    this.#pauses.length = 0;
  }

  /** Note a message. @param {number} nowMs @param {boolean} isFrame */
  note(nowMs, isFrame) {
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

  /** @param {number} nowMs @returns {Quiet} */
  at(nowMs) {
    const quietMs = nowMs - this.#heardMs;
    return { quietMs, isNotable: quietMs >= this.#usualMs(nowMs), flowed: this.#flowed };
  }

  /**
   * The longest normal pause. A single pause may have been a failure, so it takes two to count as normal.
   * @param {number} nowMs
   */
  #usualMs(nowMs) {
    const lately = this.#pauses.filter(({ endMs }) => nowMs - endMs < REMEMBERED_MS);
    if (lately.length < 2) return NOTABLE_MS;
    return TOLERANCE * Math.max(...lately.map(({ lengthMs }) => lengthMs));
  }
}
