// What a peripheral says: its fields, each number with a drawing of what it did.

import { make, write } from "./dom.js";
import { Ring } from "./ring.js";
import { draw } from "./sparkline.js";

/** @typedef {import("./payload.js").Field} Field */

/** The fields of one peripheral. Elements are touched when they are to be shown only. */
export class Values {
  element = make("dl", "values");
  /** The same in one line, as many fields as there is room for. */
  glance = make("span", "glance");
  /** Which fields there are, and which of them are drawn. */
  #shape = "";
  /** @type {Field[]} */
  #fields = [];
  /** @type {HTMLElement[] | null} the texts that are those of the fields now, of the list or of the line */
  #written = null;
  /** @type {HTMLElement[]} */
  #texts = [];
  /** @type {HTMLElement[]} */
  #glances = [];
  /** @type {{canvas: HTMLCanvasElement, ring: Ring, low: number, high: number, last: number}[]} */
  #drawn = [];

  /**
   * It has spoken, perhaps several times.
   * @param {import("./updates.js").Update} update
   */
  take({ fields, bytes, lows, highs }) {
    this.#written = null;
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

  /** Bring the texts of the list up to date. */
  write() {
    this.#write(this.#texts);
  }

  /** Bring those of the line up to date. */
  writeGlance() {
    this.#write(this.#glances);
  }

  /** Bring the drawings up to date. */
  draw() {
    for (const { canvas, ring } of this.#drawn) draw(canvas, ring);
  }

  /**
   * Draw the first number, elsewhere.
   * @param {HTMLCanvasElement} canvas
   */
  drawFirst(canvas) {
    if (this.#drawn.length) draw(canvas, this.#drawn[0].ring);
    else canvas.width = 0;
  }

  /** @param {HTMLElement[]} texts */
  #write(texts) {
    if (this.#written === texts) return;
    for (const [place, { text }] of this.#fields.entries()) write(texts[place], text);
    this.#written = texts;
  }

  /**
   * @param {Field[]} fields
   * @param {number} most of its numbers that are drawn
   */
  #build(fields, most) {
    this.#drawn = [];
    this.#texts = fields.map(() => make("span", "value"));
    this.#glances = fields.map(() => make("span"));
    this.glance.replaceChildren(...fields.map(({ key }, place) => named(key, this.#glances[place])));
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

/**
 * A value with its name before it.
 * @param {string} key
 * @param {HTMLElement} value
 */
function named(key, value) {
  const both = make("span");
  if (key) both.append(make("span", "quiet", key), " ");
  both.append(value);
  return both;
}
