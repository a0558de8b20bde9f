// The last values of one number, to draw.

/** Values kept: half a minute of eight a second. */
export const KEPT = 240;

/** For each moment the lowest and the highest value; NaN where nobody watched. */
export class Ring {
  #low = new Float32Array(KEPT).fill(Number.NaN);
  #high = new Float32Array(KEPT).fill(Number.NaN);
  #next = 0;

  /**
   * @param {number} low
   * @param {number} high
   */
  push(low, high) {
    this.#low[this.#next] = low;
    this.#high[this.#next] = high;
    this.#next = (this.#next + 1) % KEPT;
  }

  /**
   * The lowest value so many moments ago; 0 is now.
   * @param {number} ago
   */
  low(ago) {
    return this.#low[(this.#next - 1 - ago + 2 * KEPT) % KEPT];
  }

  /**
   * The highest.
   * @param {number} ago
   */
  high(ago) {
    return this.#high[(this.#next - 1 - ago + 2 * KEPT) % KEPT];
  }

  /** The lowest and the highest of all; null when there is nothing. */
  range() {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let place = 0; place < KEPT; place += 1) {
      if (this.#low[place] < low) low = this.#low[place];
      if (this.#high[place] > high) high = this.#high[place];
    }
    return low <= high ? { low, high } : null;
  }
}
