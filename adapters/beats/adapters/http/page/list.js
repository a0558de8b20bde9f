// The list of peripherals.

import { byId, Stored, write } from "./browser.js";
import { now } from "./clock.js";
import { count } from "./format.js";
import { shown } from "./messages.js";
import { Row } from "./row.js";

/** Most rows; a search finds the other peripherals. */
const MOST_ROWS = 100;
/** With more rows than this, rows are lines and not cards, unless the viewer chose. */
const MOST_CARDS = 12;
const LINES = "lines";
const CARDS = "cards";
/** Ages are updated with every fourth batch. */
const AGES_EVERY = 4;
/** Drawings are updated with every eighth batch for viewers who prefer reduced motion. */
const CALM_EVERY = 8;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @typedef {import("./messages.js").Info} Info
 * @typedef {{info: Info, words: string}} Known
 * @typedef {import("./updates.js").Found} Found
 */

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** The peripherals that match the search, sorted by name, up to the limit. */
export class List {
  #search = byId("search", HTMLInputElement);
  #list = byId("list", HTMLElement);
  #count = byId("peripherals-count", HTMLElement);
  #more = byId("list-more", HTMLElement);
  #none = byId("list-none", HTMLElement);
  #dense = byId("dense", HTMLButtonElement);
  #stored = new Stored("beats.list", () => localStorage);
  #isDense = false;
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** @type {string[]} */
  #order = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {WeakMap<Element, Row>} */
  #byElement = new WeakMap();
  #observer = new IntersectionObserver((entries) => this.#observe(entries));
  #unlisted = 0;
  #batches = 0;
  #onWatch;
  #ageMs;

  /**
   * @param {(names: string[]) => void} onWatch called with the names of the rows when they change
   * @param {(update: import("./updates.js").Update) => number} ageMs
   */
  constructor(onWatch, ageMs) {
    this.#onWatch = onWatch;
    this.#ageMs = ageMs;
    this.#search.addEventListener("input", () => this.#arrange());
    this.#dense.addEventListener("click", () => {
      this.#stored.value = this.#isDense ? CARDS : LINES;
      this.#choose(!this.#isDense);
    });
    this.#setDefault(0);
  }

  /** @param {import("./feed.js").Batch} batch */
  take({ began, found, unlisted, updates }) {
    const nowMs = now();
    if (began) this.#forget();
    if (began || found.length > 0 || unlisted !== this.#unlisted) this.#learn(found, unlisted);
    for (const update of updates) this.#rows.get(update.name)?.take(update, nowMs);
    this.#batches += 1;
    const moves = !calm.matches || this.#batches % CALM_EVERY === 0;
    for (const row of this.#rows.values()) {
      row.tick(moves);
      if (this.#batches % AGES_EVERY === 0) row.showAge(nowMs, this.#ageMs);
    }
  }

  /** The page was hidden: leave a gap in the drawings. */
  pause() {
    for (const row of this.#rows.values()) row.pause();
  }

  /** A new connection sends all peripherals again; their rows stay. */
  #forget() {
    this.#known.clear();
    this.#order = [];
  }

  /** @param {Found[]} found @param {number} unlisted */
  #learn(found, unlisted) {
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

  /** Show lines or cards: as the viewer chose, else by the number of rows. @param {number} count */
  #setDefault(count) {
    const isDense = this.#stored.value ? this.#stored.value === LINES : count > MOST_CARDS;
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
    this.#setDefault(placed.length);
    this.#place(placed);
    this.#showCount(matching.length, placed.length);
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

  /** @param {number} matching @param {number} placed */
  #showCount(matching, placed) {
    const all = this.#known.size;
    write(this.#count, matching === all ? count(all) : `${count(matching)} of ${count(all)}`);
    write(this.#more, `and ${count(matching - placed)} more: search to find them`);
    this.#more.hidden = matching === placed;
    write(this.#none, all === 0 ? "No peripheral has sent anything yet." : "No peripheral matches the search.");
    this.#none.hidden = matching > 0;
    if (this.#unlisted > 0) {
      write(this.#more, `and more than this page can list: ${count(this.#unlisted)} updates left out so far`);
      this.#more.hidden = false;
    }
  }

  /** @param {IntersectionObserverEntry[]} entries */
  #observe(entries) {
    for (const { target, isIntersecting } of entries) {
      const row = this.#byElement.get(target);
      if (row) row.isVisible = isIntersecting;
    }
  }
}

/** The text that a search looks at. @param {string} name @param {Info} info */
function words(name, { tags, location }) {
  const parts = tags.flatMap(({ name, variant, metadata }) => [`${name}/${variant}`, ...metadata.flat()]);
  if (location) parts.push(`${location.x}, ${location.y}, ${location.z}`, location.time);
  return [name, shown(name), ...parts].join("\n").toLowerCase();
}
