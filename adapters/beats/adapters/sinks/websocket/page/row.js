// One peripheral in the list.

import { make, write } from "./dom.js";
import { duration, rate, reading } from "./format.js";
import { Meter } from "./meter.js";
import { Values } from "./values.js";

/**
 * @typedef {import("./envelope.js").Info} Info
 * @typedef {import("./updates.js").Update} Update
 */

const RATE_SLOTS = 10;
const RATE_SLOT_MS = 500;
/** Digits that change faster than anybody reads only disturb. */
const NOW_MS = 1000;
/** Whoever names things decides how long their names are, but not how much of the page they take. */
const MOST_CHARACTERS = 200;
const MOST_TAGS = 8;

/** Its name, what it is and where, what it says and how often. */
export class Row {
  element = make("li", "peripheral");
  /** Whether it is on the screen. */
  isVisible = false;
  #name = make("div", "name");
  #id = make("h3");
  #what = make("div", "what");
  #often = make("span", "often");
  #values = new Values();
  #meter = new Meter(RATE_SLOTS, RATE_SLOT_MS);
  /** @type {Update | null} */
  #last = null;

  /** @param {Info} info */
  constructor(info) {
    this.#name.append(this.#id, this.#often);
    this.element.append(this.#name, this.#what, this.#values.element);
    this.info = info;
  }

  /** @param {Info} info */
  set info({ id, tags, location }) {
    const shown = tags.slice(0, MOST_TAGS);
    const labels = shown.map(({ name, variant }) => make("span", "tag", cut(variant ? `${name}/${variant}` : name)));
    const details = [...place(location), ...shown.flatMap(({ metadata }) => metadata.map(pair))];
    write(this.#id, cut(id));
    this.#what.replaceChildren(...labels, make("span", "", cut(details.join(" · "))));
  }

  /**
   * It has spoken.
   * @param {Update} update
   * @param {number} nowMs
   */
  take(update, nowMs) {
    // Whoever began anew counts from one again; what was said before it was watched was not said now.
    const before = this.#last && this.#last.count <= update.count ? this.#last.count : update.count;
    this.#meter.add(update.count - before, nowMs);
    this.#last = update;
    this.#values.take(update);
  }

  /**
   * A moment has passed.
   * @param {boolean} moves whether its drawings go on
   */
  tick(moves) {
    if (!this.#last) return;
    this.#values.tick();
    if (!this.isVisible) return;
    this.#values.write();
    if (moves) this.#values.draw();
  }

  /** Nobody looked for a while. */
  pause() {
    this.#values.pause();
  }

  /**
   * Show how often it speaks, and how long ago it did.
   * @param {number} nowMs
   * @param {(update: Update) => number} ageMs
   */
  showAge(nowMs, ageMs) {
    if (!this.#last || !this.isVisible) return;
    const age = ageMs(this.#last);
    const ago = age < NOW_MS ? "now" : `${duration(age)} ago`;
    write(this.#often, `${rate(this.#meter.perSecond(nowMs))}/s · ${ago}`);
  }
}

/** @param {import("./envelope.js").Location | null} location */
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
