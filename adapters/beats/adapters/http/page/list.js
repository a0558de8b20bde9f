// The list of peripherals.

import { byId, write } from "./dom.js";
import { count } from "./format.js";
import { Kept } from "./kept.js";
import { now } from "./now.js";
import { Row } from "./row.js";
import { shown } from "./topic.js";

/** Rows at once; to see others, search. */
const MOST_ROWS = 100;
/** More than these are lines, not cards, unless somebody chose. */
const MOST_CARDS = 12;
const LINES = "lines";
const CARDS = "cards";
/** Ages are shown each time that so many batches came. */
const AGES_EVERY = 4;
/** Drawings move so seldom for people whom movement disturbs. */
const CALM_EVERY = 8;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @typedef {import("./envelope.js").Info} Info
 * @typedef {{info: Info, words: string}} Known
 * @typedef {import("./updates.js").Found} Found
 */

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** All peripherals by name, those that match the search, as far as there is room. */
export class List {
  #search = byId("search", HTMLInputElement);
  #list = byId("list", HTMLElement);
  #count = byId("peripherals-count", HTMLElement);
  #more = byId("list-more", HTMLElement);
  #none = byId("list-none", HTMLElement);
  #dense = byId("dense", HTMLButtonElement);
  #kept = new Kept("beats.list", () => localStorage);
  #isDense = false;
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** @type {string[]} */
  #order = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {WeakMap<Element, Row>} */
  #byElement = new WeakMap();
  #observer = new IntersectionObserver((entries) => this.#look(entries));
  #unlisted = 0;
  #batches = 0;
  #onWatch;
  #ageMs;

  /**
   * @param {(names: string[]) => void} onWatch the rows are these now
   * @param {(update: import("./updates.js").Update) => number} ageMs
   */
  constructor(onWatch, ageMs) {
    this.#onWatch = onWatch;
    this.#ageMs = ageMs;
    this.#search.addEventListener("input", () => this.#arrange());
    this.#dense.addEventListener("click", () => {
      this.#kept.value = this.#isDense ? CARDS : LINES;
      this.#choose(!this.#isDense);
    });
    this.#fold(0);
  }

  /** @param {import("./feed.js").Batch} batch */
  take({ began, found, unlisted, updates }) {
    const nowMs = now();
    if (began) this.#forget();
    if (began || found.length > 0 || unlisted !== this.#unlisted) this.#meet(found, unlisted);
    for (const update of updates) this.#rows.get(update.name)?.take(update, nowMs);
    this.#batches += 1;
    const moves = !calm.matches || this.#batches % CALM_EVERY === 0;
    for (const row of this.#rows.values()) {
      row.tick(moves);
      if (this.#batches % AGES_EVERY === 0) row.showAge(nowMs, this.#ageMs);
    }
  }

  /** Nobody looked for a while. */
  pause() {
    for (const row of this.#rows.values()) row.pause();
  }

  /** A connection begins with all peripherals that there are; rows of those that are still there stay. */
  #forget() {
    this.#known.clear();
    this.#order = [];
  }

  /**
   * @param {Found[]} found
   * @param {number} unlisted
   */
  #meet(found, unlisted) {
    this.#unlisted = unlisted;
    const before = this.#known.size;
    for (const { name, info } of found) {
      this.#known.set(name, { info, words: words(name, info) });
      const row = this.#rows.get(name);
      if (row) row.info = info;
    }
    if (this.#known.size !== before) this.#order = [...this.#known.keys()].sort(byName);
    this.#arrange();
  }

  /**
   * Lines or cards: as somebody chose, else as many as there are.
   * @param {number} count
   */
  #fold(count) {
    const isDense = this.#kept.value ? this.#kept.value === LINES : count > MOST_CARDS;
    if (isDense !== this.#isDense) this.#choose(isDense);
  }

  /** @param {boolean} isDense */
  #choose(isDense) {
    this.#isDense = isDense;
    this.#dense.setAttribute("aria-pressed", String(isDense));
    for (const row of this.#rows.values()) row.isOpen = !isDense;
  }

  #arrange() {
    const wanted = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.#order.filter((name) => wanted.every((word) => this.#known.get(name)?.words.includes(word)));
    const placed = matching.slice(0, MOST_ROWS);
    this.#fold(placed.length);
    this.#place(placed);
    this.#say(matching.length, placed.length);
  }

  /** @param {string[]} names */
  #place(names) {
    const kept = new Set(names);
    let hasChanged = false;
    for (const [name, row] of this.#rows) {
      if (kept.has(name)) continue;
      this.#observer.unobserve(row.element);
      row.element.remove();
      this.#rows.delete(name);
      hasChanged = true;
    }
    let next = this.#list.firstElementChild;
    for (const name of names) {
      const row = this.#rows.get(name) ?? this.#add(name);
      if (row.element === next) {
        next = next.nextElementSibling;
      } else {
        this.#list.insertBefore(row.element, next);
        hasChanged = true;
      }
    }
    if (hasChanged) this.#onWatch(names);
  }

  /** @param {string} name */
  #add(name) {
    const row = new Row(name, /** @type {Known} */ (this.#known.get(name)).info, !this.#isDense);
    this.#rows.set(name, row);
    this.#byElement.set(row.element, row);
    this.#observer.observe(row.element);
    return row;
  }

  /**
   * @param {number} matching
   * @param {number} placed
   */
  #say(matching, placed) {
    const all = this.#known.size;
    write(this.#count, matching === all ? count(all) : `${count(matching)} of ${count(all)}`);
    write(this.#more, `and ${count(matching - placed)} more: search to find them`);
    this.#more.hidden = matching === placed;
    write(this.#none, all === 0 ? "No peripheral has said anything yet." : "None matches the search.");
    this.#none.hidden = matching > 0;
    if (this.#unlisted > 0) {
      write(this.#more, `and more than this page keeps, ${count(this.#unlisted)} updates of them so far`);
      this.#more.hidden = false;
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #look(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#byElement.get(target);
      if (row) row.isVisible = isIntersecting;
    }
  }
}

/**
 * What a peripheral can be found by.
 * @param {string} name
 * @param {Info} info
 */
function words(name, { tags, location }) {
  const parts = tags.flatMap(({ name, variant, metadata }) => [`${name}/${variant}`, ...metadata.flat()]);
  if (location) parts.push(`${location.x}, ${location.y}, ${location.z}`, location.time);
  return [name, shown(name), ...parts].join("\n").toLowerCase();
}
