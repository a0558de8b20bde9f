// How much a second, lately.

/** Adds up amounts in slots of time, and forgets those that are older than all slots together. */
export class Meter {
  #slots;
  #slotMs;
  #slot = Number.NEGATIVE_INFINITY;
  #begin = 0;

  /**
   * @param {number} slots
   * @param {number} slotMs
   */
  constructor(slots = 20, slotMs = 100) {
    this.#slots = new Float64Array(slots);
    this.#slotMs = slotMs;
  }

  /**
   * @param {number} amount
   * @param {number} nowMs
   */
  add(amount, nowMs) {
    this.#turn(nowMs);
    this.#slots[this.#slot % this.#slots.length] += amount;
  }

  /**
   * The amount a second, over all slots or since the first after a pause. The one in progress does not count.
   * @param {number} nowMs
   */
  perSecond(nowMs) {
    this.#turn(nowMs);
    const whole = Math.min(this.#slot - this.#begin, this.#slots.length - 1);
    if (whole === 0) return 0;
    const sum = this.#slots.reduce((total, amount) => total + amount, 0);
    return ((sum - this.#slots[this.#slot % this.#slots.length]) * 1000) / (whole * this.#slotMs);
  }

  /** @param {number} nowMs */
  #turn(nowMs) {
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
