// One peripheral in the list: a line, or a card with everything known about it.

import { make, write } from "./browser.js";
import { duration, rate, reading } from "./format.js";
import { Meter } from "./measures.js";
import { shown } from "./messages.js";
import { draw, History } from "./sparkline.js";

/**
 * @typedef {import("./messages.js").Info} Info
 * @typedef {import("./updates.js").Update} Update
 */

const RATE_SLOTS = 10;
const RATE_SLOT_MS = 500;
/** Smaller ages are shown as "now": digits that change all the time distract. */
const NOW_MS = 1000;
/** Longer names and places are cut. */
const MOST_CHARACTERS = 200;
const MOST_TAGS = 8;

/** Shows name, tags, place, values, rate and age. */
export class Row {
  element = make("li", "peripheral");
  /** Whether it is on the screen. */
  isVisible = false;
  #button = make("button");
  #trace = make("canvas", "trace");
  #what = make("div", "what");
  #often = make("span", "often");
  #rate = make("span", "rate");
  #ago = make("span", "ago");
  #values = new Values();
  #meter = new Meter(RATE_SLOTS, RATE_SLOT_MS);
  /** @type {Update | null} */
  #last = null;
  #isOpen = true;

  /** @param {string} name @param {Info} info @param {boolean} isOpen */
  constructor(name, info, isOpen) {
    const head = make("div", "name");
    const title = make("h3");
    this.#button.type = "button";
    this.#button.append(cut(shown(name)));
    this.#button.addEventListener("click", () => {
      this.isOpen = !this.#isOpen;
    });
    this.#trace.setAttribute("aria-hidden", "true");
    title.append(this.#button);
    this.#often.append(this.#rate, make("span", "between", " · "), this.#ago);
    head.append(title, this.#often);
    this.element.append(head, this.#what, this.#values.element);
    this.info = info;
    this.isOpen = isOpen;
  }

  /** @param {Info} info */
  set info({ tags, location }) {
    const some = tags.slice(0, MOST_TAGS);
    const labels = some.map(({ name, variant }) => make("span", "tag", cut(variant ? `${name}/${variant}` : name)));
    const details = [...place(location), ...some.flatMap(({ metadata }) => metadata.map(pair))];
    this.#what.replaceChildren(...labels, make("span", "", cut(details.join(" · "))));
  }

  /** Whether it is a card or a line. */
  get isOpen() {
    return this.#isOpen;
  }

  /** @param {boolean} isOpen */
  set isOpen(isOpen) {
    this.#isOpen = isOpen;
    this.element.classList.toggle("open", isOpen);
    this.#button.setAttribute("aria-expanded", String(isOpen));
    if (isOpen) {
      this.#values.glance.remove();
      this.#trace.remove();
    } else {
      this.#often.before(this.#values.glance, this.#trace);
    }
    this.#show(true);
  }

  /** Take an update of this peripheral. @param {Update} update @param {number} nowMs */
  take(update, nowMs) {
    // The count starts again with a new connection. Updates from before the row existed do not count.
    const before = this.#last && this.#last.count <= update.count ? this.#last.count : update.count;
    this.#meter.add(update.count - before, nowMs);
    this.#last = update;
    this.#values.take(update);
  }

  /** Advance the drawings by one batch. @param {boolean} moves whether to redraw them */
  tick(moves) {
    if (!this.#last) return;
    this.#values.tick();
    if (this.isVisible) this.#show(moves);
  }

  /** The page was hidden: leave a gap in the drawings. */
  pause() {
    this.#values.pause();
  }

  /** Show its rate and the age of its last update. @param {number} nowMs @param {(update: Update) => number} ageMs */
  showAge(nowMs, ageMs) {
    if (!this.#last || !this.isVisible) return;
    const age = ageMs(this.#last);
    const perSecond = this.#meter.perSecond(nowMs);
    write(this.#rate, `${rate(perSecond)}/s`);
    write(this.#ago, age < NOW_MS ? "now" : `${duration(age)} ago`);
    this.#often.classList.toggle("silent", perSecond === 0);
  }

  /** @param {boolean} moves */
  #show(moves) {
    if (this.#isOpen) {
      this.#values.write();
      if (moves) this.#values.draw();
    } else {
      this.#values.writeGlance();
      if (moves) this.#values.drawFirst(this.#trace);
    }
  }
}

/** @param {import("./messages.js").Location | null} location */
function place(location) {
  if (!location) return [];
  const { x, y, z, time } = location;
  return [`at ${[x, y, z].map(reading).join(", ")}`, ...(time ? [time] : [])];
}

/** @param {[string, string]} metadata */
function pair([key, value]) {
  return `${key} ${value}`;
}

/** @param {string} text */
function cut(text) {
  return text.length > MOST_CHARACTERS ? `${text.slice(0, MOST_CHARACTERS)}…` : text;
}

/** @typedef {import("./payload.js").Field} Field */

/** The fields of one peripheral, numbers with a sparkline. The document is changed only for what is visible. */
class Values {
  element = make("dl", "values");
  /** The same in one line, with as many fields as fit. */
  glance = make("span", "glance");
  /** The fields there are, and which of them are numbers. */
  #shape = "";
  /** @type {Field[]} */
  #fields = [];
  /** @type {HTMLElement[] | null} which texts are up to date: those of the list or of the line */
  #written = null;
  /** @type {HTMLElement[]} */
  #texts = [];
  /** @type {HTMLElement[]} */
  #glances = [];
  /** @type {{canvas: HTMLCanvasElement, history: History, low: number, high: number, last: number}[]} */
  #drawn = [];

  /** Take the latest update, which may sum up several. @param {import("./updates.js").Update} update */
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

  /** Advance the sparklines by one batch; without an update, numbers keep their last value. */
  tick() {
    for (const drawing of this.#drawn) {
      drawing.history.push(drawing.low, drawing.high);
      drawing.low = drawing.last;
      drawing.high = drawing.last;
    }
  }

  /** Leave a gap in the sparklines. */
  pause() {
    for (const { history } of this.#drawn) history.push(Number.NaN, Number.NaN);
  }

  /** Update the texts of the list. */
  write() {
    this.#write(this.#texts);
  }

  /** Update the texts of the line. */
  writeGlance() {
    this.#write(this.#glances);
  }

  /** Redraw the sparklines. */
  draw() {
    for (const { canvas, history } of this.#drawn) draw(canvas, history);
  }

  /** Draw the sparkline of the first number on another canvas. @param {HTMLCanvasElement} canvas */
  drawFirst(canvas) {
    if (this.#drawn.length) draw(canvas, this.#drawn[0].history);
    else canvas.width = 0;
  }

  /** @param {HTMLElement[]} texts */
  #write(texts) {
    if (this.#written === texts) return;
    for (const [place, { text }] of this.#fields.entries()) write(texts[place], text);
    this.#written = texts;
  }

  /** @param {Field[]} fields @param {number} most how many numbers get a sparkline */
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
    this.#drawn.push({ canvas, history: new History(), low: number, high: number, last: number });
    return canvas;
  }
}

/** A value preceded by its name. @param {string} key @param {HTMLElement} value */
function named(key, value) {
  const both = make("span");
  if (key) both.append(make("span", "quiet", key), " ");
  both.append(value);
  return both;
}
