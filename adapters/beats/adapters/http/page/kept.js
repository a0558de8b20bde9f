// What the browser keeps for this page. It may be told to keep nothing, and then says so with an error.

/**
 * Text that is kept under a name, as long as the browser lets us; as long as the page is open in any case.
 */
export class Kept {
  #name;
  #place;
  /** @type {string | null} */
  #value = null;

  /**
   * @param {string} name
   * @param {() => Storage} place
   */
  constructor(name, place) {
    this.#name = name;
    this.#place = place;
    try {
      this.#value = place().getItem(name);
    } catch {
      // nothing was kept
    }
  }

  get value() {
    return this.#value;
  }

  /** @param {string | null} value null: keep nothing */
  set value(value) {
    this.#value = value;
    try {
      if (value === null) this.#place().removeItem(this.#name);
      else this.#place().setItem(this.#name, value);
    } catch {
      // it is kept here
    }
  }
}
