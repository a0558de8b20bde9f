// What a peripheral says: its fields, each number with a drawing of what it did.

import { make, write } from "./dom.js";
import { Ring } from "./ring.js";
import { draw } from "./sparkline.js";

/** @typedef {import("./payload.js").Field} Field */

/** The fields of one peripheral. Elements are touched when they are to be shown only. */
export class Values {
  element = make("dl", "values");
  /** Which fields there are, and which of them are drawn. */
  #shape = "";
  /** @type {Field[] | null} what is to be shown; null: it is shown */
  #fields = null;
  /** @type {HTMLElement[]} */
  #texts = [];
  /** @type {{canvas: HTMLCanvasElement, ring: Ring, low: number, high: number, last: number}[]} */
  #drawn = [];

  /**
   * It has spoken, perhaps several times.
   * @param {import("./updates.js").Update} update
   */
  take({ fields, bytes, lows, highs }) {
    this.#fields = fields ?? [{ key: "", text: `${bytes} bytes that cannot be shown`, number: null }];
    const shape = this.#fields.map(({ key, number }) => `${key} ${number !== null}`).join("\n");
    if (shape !== this.#shape) {
      this.#shape = shape;
      this.#build(this.#fields, lows.length);
    }
    const numbers = this.#fields.flatMap(({ number }) => (number === null ? [] : [number]));
    for (const [place, drawing] of this.#drawn.entries()) {
      drawing.low = lows[place];
      drawing.high = highs[place];
      drawing.last = numbers[place];
    }
  }

  /** A moment has passed. Until something new is said, a number is what it was last. */
  tick() {
    for (const drawing of this.#drawn) {
      drawing.ring.push(drawing.low, drawing.high);
      drawing.low = drawing.last;
      drawing.high = drawing.last;
    }
  }

  /** Nobody looked for a while: what it did meanwhile is not known. */
  pause() {
    for (const { ring } of this.#drawn) ring.push(Number.NaN, Number.NaN);
  }

  /** Bring the texts up to date. */
  write() {
    for (const [place, { text }] of (this.#fields ?? []).entries()) write(this.#texts[place], text);
    this.#fields = null;
  }

  /** Bring the drawings up to date. */
  draw() {
    for (const { canvas, ring } of this.#drawn) draw(canvas, ring);
  }

  /**
   * @param {Field[]} fields
   * @param {number} most of its numbers that are drawn
   */
  #build(fields, most) {
    this.#drawn = [];
    this.#texts = fields.map(() => make("span", "value"));
    const lines = fields.map(({ key, number }, place) => {
      const line = make("div", "field");
      const cell = make("dd");
      cell.append(this.#texts[place]);
      line.append(make("dt", "", key || "value"), cell);
      if (number !== null && this.#drawn.length < most) {
        line.classList.add("drawn");
        cell.append(this.#drawing(number));
      }
      return line;
    });
    this.element.replaceChildren(...lines);
  }

  /** @param {number} number */
  #drawing(number) {
    const canvas = make("canvas");
    canvas.setAttribute("aria-hidden", "true");
    this.#drawn.push({ canvas, ring: new Ring(), low: number, high: number, last: number });
    return canvas;
  }
}
