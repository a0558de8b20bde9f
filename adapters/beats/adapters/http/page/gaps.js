// What this viewer missed, told by gaps in the numbers of each topic.

/** Topics of which the numbers are kept. */
const MOST_TOPICS = 20_000;

/** Keeps the last number of each topic, and how many were missed before it. */
export class Gaps {
  /** @type {Map<string, number | bigint>} */
  #last = new Map();
  /** @type {Map<string, number>} */
  #missed = new Map();
  #total = 0;

  /** Envelopes missed, in all topics. */
  get total() {
    return this.#total;
  }

  /**
   * Take note of a number. The first of a topic is where counting begins, and so is one that is lower than the
   * last: the producer has begun anew. 0 is no number.
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
    this.#total += missed;
  }

  /**
   * The topics of which most was missed, the worst first.
   * @param {number} count
   * @returns {[string, number][]}
   */
  worst(count) {
    return [...this.#missed].sort(([, one], [, other]) => other - one).slice(0, count);
  }

  /** In how many topics something was missed. */
  get topics() {
    return this.#missed.size;
  }
}

/**
 * @param {number | bigint} higher
 * @param {number | bigint} lower
 */
function difference(higher, lower) {
  if (typeof higher === "number" && typeof lower === "number") return higher - lower;
  return Number(BigInt(higher) - BigInt(lower));
}
