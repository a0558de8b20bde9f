// The list of peripherals.

import { byId, write } from "./dom.js";
import { count } from "./format.js";
import { now } from "./now.js";
import { Row } from "./row.js";

/** Rows at once; to see others, search. */
const MOST_ROWS = 100;
/** Ages are shown each time that so many batches came. */
const AGES_EVERY = 4;
/** Drawings move so seldom for people whom movement disturbs. */
const CALM_EVERY = 8;
const calm = matchMedia("(prefers-reduced-motion: reduce)");

/**
 * @typedef {import("./envelope.js").Info} Info
 * @typedef {{info: Info, words: string}} Known
 */

const byName = new Intl.Collator("en", { numeric: true }).compare;

/** All peripherals by name, those that match the search, as far as there is room. */
export class List {
  #search = byId("search", HTMLInputElement);
  #list = byId("list", HTMLElement);
  #count = byId("peripherals-count", HTMLElement);
  #more = byId("list-more", HTMLElement);
  #none = byId("list-none", HTMLElement);
  /** @type {Map<string, Known>} */
  #known = new Map();
  /** @type {string[]} */
  #order = [];
  /** @type {Map<string, Row>} */
  #rows = new Map();
  /** @type {WeakMap<Element, Row>} */
  #byElement = new WeakMap();
  #observer = new IntersectionObserver((entries) => this.#look(entries), { root: byId("scroll", HTMLElement) });
  #unlisted = 0;
  #batches = 0;
  #onWatch;
  #ageMs;

  /**
   * @param {(ids: string[]) => void} onWatch the rows are these now
   * @param {(update: import("./updates.js").Update) => number} ageMs
   */
  constructor(onWatch, ageMs) {
    this.#onWatch = onWatch;
    this.#ageMs = ageMs;
    this.#search.addEventListener("input", () => this.#arrange());
  }

  /** @param {import("./feed.js").Batch} batch */
  take({ began, found, unlisted, updates }) {
    const nowMs = now();
    if (began) this.#forget();
    if (began || found.length > 0 || unlisted !== this.#unlisted) this.#meet(found, unlisted);
    for (const update of updates) this.#rows.get(update.id)?.take(update, nowMs);
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
   * @param {Info[]} found
   * @param {number} unlisted
   */
  #meet(found, unlisted) {
    this.#unlisted = unlisted;
    const before = this.#known.size;
    for (const info of found) {
      this.#known.set(info.id, { info, words: words(info) });
      const row = this.#rows.get(info.id);
      if (row) row.info = info;
    }
    if (this.#known.size !== before) this.#order = [...this.#known.keys()].sort(byName);
    this.#arrange();
  }

  #arrange() {
    const wanted = this.#search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const matching = this.#order.filter((id) => wanted.every((word) => this.#known.get(id)?.words.includes(word)));
    const shown = matching.slice(0, MOST_ROWS);
    this.#place(shown);
    this.#say(matching.length, shown.length);
  }

  /** @param {string[]} ids */
  #place(ids) {
    const kept = new Set(ids);
    let hasChanged = false;
    for (const [id, row] of this.#rows) {
      if (kept.has(id)) continue;
      this.#observer.unobserve(row.element);
      row.element.remove();
      this.#rows.delete(id);
      hasChanged = true;
    }
    let next = this.#list.firstElementChild;
    for (const id of ids) {
      const row = this.#rows.get(id) ?? this.#add(id);
      if (row.element === next) {
        next = next.nextElementSibling;
      } else {
        this.#list.insertBefore(row.element, next);
        hasChanged = true;
      }
    }
    if (hasChanged) this.#onWatch(ids);
  }

  /** @param {string} id */
  #add(id) {
    const row = new Row(/** @type {Known} */ (this.#known.get(id)).info);
    this.#rows.set(id, row);
    this.#byElement.set(row.element, row);
    this.#observer.observe(row.element);
    return row;
  }

  /**
   * @param {number} matching
   * @param {number} shown
   */
  #say(matching, shown) {
    const all = this.#known.size;
    write(this.#count, matching === all ? count(all) : `${count(matching)} of ${count(all)}`);
    write(this.#more, `and ${count(matching - shown)} more: search to find them`);
    this.#more.hidden = matching === shown;
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
 * @param {Info} info
 */
function words({ id, tags, location }) {
  const parts = tags.flatMap(({ name, variant, metadata }) => [`${name}/${variant}`, ...metadata.flat()]);
  if (location) parts.push(`${location.x}, ${location.y}, ${location.z}`, location.time);
  return [id, ...parts].join("\n").toLowerCase();
}
