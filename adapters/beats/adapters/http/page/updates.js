// The latest update of each peripheral, and the range of its numbers since the last batch.

import { fields } from "./payload.js";

const MOST_PERIPHERALS = 20_000;
/** A longer payload is not kept, nor one that exceeds the total. */
const MOST_PAYLOAD_BYTES = 2 ** 16;
const MOST_HELD_BYTES = 2 ** 26;
/** Longer payloads are parsed only when the batch is sent. */
const QUICKLY_READ_BYTES = 4096;
/** Most new peripherals in a batch. */
const MOST_FOUND = 2000;
/** Numbers of one peripheral that are drawn. */
const MOST_DRAWN = 6;

/**
 * @typedef {import("./messages.js").Info} Info
 * @typedef {import("./messages.js").PeripheralEnvelope} PeripheralEnvelope
 * @typedef {import("./payload.js").Field} Field
 *
 * @typedef {object} Update
 * @property {string} name see `nameOf` in `messages.js`
 * @property {number} count updates since the connection began
 * @property {number} bytes of the latest
 * @property {number} capturedMs of the latest, since 1970; 0: not given
 * @property {number} arrivedMs of the latest, since 1970 by this machine's clock
 * @property {Field[] | null} fields null: unreadable, or too long to keep
 * @property {number[]} lows the lowest value of each number since the last batch
 * @property {number[]} highs
 *
 * @typedef {{name: string, info: Info}} Found
 *
 * @typedef {object} Entry
 * @property {Info} info
 * @property {import("./messages.js").Payload | null} payload
 * @property {Update} update
 * @property {boolean} isRead whether `fields` are those of the payload
 * @property {boolean} isNew whether it belongs in the next batch
 */

/** Keeps one update of each peripheral, and parses those that are watched. */
export class Updates {
  /** @type {Map<string, Entry>} */
  #entries = new Map();
  /** @type {Set<string>} names of the peripherals that the page shows */
  #watched = new Set();
  /** @type {Set<string>} names that the page does not know yet */
  #found = new Set();
  #heldBytes = 0;
  #began = true;
  #unlisted = 0;

  /** Forget everything: a new connection sends the state of all peripherals. */
  begin() {
    this.#entries.clear();
    this.#found.clear();
    this.#heldBytes = 0;
    this.#unlisted = 0;
    this.#began = true;
  }

  /** Watch these peripherals, and no others. @param {string[]} names */
  watch(names) {
    this.#watched = new Set(names);
    for (const name of names) {
      const entry = this.#entries.get(name);
      if (entry) entry.isNew = true;
    }
  }

  /** @param {string} name @param {PeripheralEnvelope} envelope @param {number} arrivedMs */
  take(name, { info, payload, capturedMs }, arrivedMs) {
    const entry = this.#entries.get(name) ?? this.#add(name, info);
    if (!entry) return;
    if (!isSame(entry.info, info)) {
      this.#found.add(name);
      entry.info = info;
    }
    this.#keep(entry, payload);
    const update = entry.update;
    update.count += 1;
    update.bytes = payload.bytes.length;
    update.capturedMs = capturedMs;
    update.arrivedMs = arrivedMs;
    entry.isRead = false;
    entry.isNew = true;
    if (payload.bytes.length <= QUICKLY_READ_BYTES && this.#watched.has(name)) read(entry);
  }

  /** What changed since the last call. */
  batch() {
    const batch = {
      began: this.#began,
      unlisted: this.#unlisted,
      found: this.#takeFound(),
      updates: this.#takeUpdates(),
    };
    this.#began = false;
    return batch;
  }

  /** @param {string} name @param {Info} info */
  #add(name, info) {
    if (this.#entries.size >= MOST_PERIPHERALS) {
      this.#unlisted += 1;
      return null;
    }
    const update = { name, count: 0, bytes: 0, capturedMs: 0, arrivedMs: 0, fields: null, lows: [], highs: [] };
    const entry = { info, payload: null, update, isRead: false, isNew: true };
    this.#entries.set(name, entry);
    this.#found.add(name);
    return entry;
  }

  /** @param {Entry} entry @param {import("./messages.js").Payload} payload */
  #keep(entry, payload) {
    const size = payload.bytes.length;
    this.#heldBytes -= entry.payload?.bytes.length ?? 0;
    const fits = size <= MOST_PAYLOAD_BYTES && this.#heldBytes + size <= MOST_HELD_BYTES;
    entry.payload = fits ? payload : null;
    if (fits) this.#heldBytes += size;
  }

  #takeFound() {
    /** @type {Found[]} */
    const found = [];
    for (const name of this.#found) {
      if (found.length === MOST_FOUND) break;
      found.push({ name, info: /** @type {Entry} */ (this.#entries.get(name)).info });
      this.#found.delete(name);
    }
    return found;
  }

  #takeUpdates() {
    /** @type {Update[]} */
    const updates = [];
    for (const name of this.#watched) {
      const entry = this.#entries.get(name);
      if (!entry?.isNew) continue;
      if (!entry.isRead) read(entry);
      updates.push({ ...entry.update });
      entry.update.lows = [];
      entry.update.highs = [];
      entry.isNew = false;
    }
    return updates;
  }
}

/** Parse an entry's payload, and widen the ranges of its numbers. @param {Entry} entry */
function read(entry) {
  const { update } = entry;
  update.fields = entry.payload && fields(entry.payload);
  entry.isRead = true;
  let place = 0;
  for (const field of update.fields ?? []) {
    if (field.number === null) continue;
    if (place === MOST_DRAWN) break;
    update.lows[place] = Math.min(update.lows[place] ?? field.number, field.number);
    update.highs[place] = Math.max(update.highs[place] ?? field.number, field.number);
    place += 1;
  }
}

/** @param {Info} one @param {Info} other */
function isSame(one, other) {
  const here = one.location;
  const there = other.location;
  const stayed = here && there ? here.x === there.x && here.y === there.y && here.z === there.z : here === there;
  return stayed && here?.time === there?.time && areSame(one.tags, other.tags);
}

/** @param {import("./messages.js").Tag[]} some @param {import("./messages.js").Tag[]} others */
function areSame(some, others) {
  return (
    some.length === others.length &&
    some.every((tag, place) => {
      const other = others[place];
      return (
        tag.name === other.name &&
        tag.variant === other.variant &&
        tag.metadata.length === other.metadata.length &&
        tag.metadata.every(([key, value], at) => key === other.metadata[at][0] && value === other.metadata[at][1])
      );
    })
  );
}
