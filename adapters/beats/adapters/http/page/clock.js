// The server's clock, as well as it can be told from here.

const KEPT = 8;

/**
 * Half-way between a request and its answer, both clocks showed the same instant, give or take half the time in
 * between (RFC 5905, section 8): so the quickest of the last answers is the best.
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
    if (this.#samples.length > KEPT) this.#samples.shift();
  }

  /** The quickest of the last requests; null before the first. */
  get best() {
    return this.#samples.reduce(
      (best, sample) => (best && best.tripMs <= sample.tripMs ? best : sample),
      /** @type {{offsetMs: number, tripMs: number} | null} */ (null),
    );
  }

  /** Forget what was measured: the machine may have slept, and its monotonic clock with it. */
  reset() {
    this.#samples.length = 0;
  }

  /**
   * What the server's clock shows, in milliseconds since 1970; null while nobody knows.
   * @param {number} nowMs on this machine's monotonic clock
   */
  serverMs(nowMs) {
    const best = this.best;
    return best && nowMs + best.offsetMs;
  }
}
