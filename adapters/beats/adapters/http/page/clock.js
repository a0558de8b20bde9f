// The time, by this machine's clock and by the server's.

/**
 * Milliseconds since 1970 by this machine's clock when the page was opened, plus the monotonic time since then: it
 * never jumps, and is the same in the page and in its worker.
 */
export function now() {
  return performance.timeOrigin + performance.now();
}

const MOST_SAMPLES = 8;

/**
 * The server's clock, estimated. Half-way between a request and its answer both clocks showed the same instant, give
 * or take half the time in between (RFC 5905, section 8). So the quickest of the last answers is the best.
 */
export class Clock {
  /** @type {{offsetMs: number, tripMs: number}[]} */
  #samples = [];

  /**
   * @param {number} askedMs on this machine's monotonic clock
   * @param {number} answeredMs on the same clock
   * @param {number} serverMs since 1970, by the server's clock
   */
  sample(askedMs, answeredMs, serverMs) {
    this.#samples.push({ offsetMs: serverMs - (askedMs + answeredMs) / 2, tripMs: answeredMs - askedMs });
    if (this.#samples.length > MOST_SAMPLES) this.#samples.shift();
  }

  /** The quickest of the last requests; null before the first. */
  get best() {
    return this.#samples.reduce(
      (best, sample) => (best && best.tripMs <= sample.tripMs ? best : sample),
      /** @type {{offsetMs: number, tripMs: number} | null} */ (null),
    );
  }

  /** Forget all samples: the monotonic clock stops while the machine sleeps. */
  reset() {
    this.#samples.length = 0;
  }

  /**
   * The server's time in milliseconds since 1970; null before the first sample.
   * @param {number} nowMs on this machine's monotonic clock
   */
  serverMs(nowMs) {
    const best = this.best;
    return best && nowMs + best.offsetMs;
  }
}
