// One peripheral in the list: a line, or a card with all that is known of it.

import { make, write } from "./dom.js";
import { duration, rate, reading } from "./format.js";
import { Meter } from "./meter.js";
import { shown } from "./topic.js";
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

  /**
   * @param {string} name
   * @param {Info} info
   * @param {boolean} isOpen
   */
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

  /** Whether it is a card; a line if not. */
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
    if (this.isVisible) this.#show(moves);
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
