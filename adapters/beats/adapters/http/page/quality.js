// How much of the pictures this page asks for: the originals, or smaller ones that its line can carry.

import { byId, Stored } from "./browser.js";

/**
 * The rule. Once a second the page looks at what came in that second. A second is bad if too many frames were missed or
 * if they were too old. After a few bad seconds the page asks for less; after a long good time it tries more again.
 * Each time that such a trial fails, the next one comes after twice the time. If not even the least helps, the line is
 * not the reason: the page returns to the originals, and stays with them for a while.
 */
export const RULE = {
  /** Bad from this share of missed frames on. */
  lost: 0.1,
  /** Bad from this age of frames on. */
  lateMs: 1000,
  /** Bad seconds until the page asks for less; a good second makes up for half a bad one. */
  badS: 3,
  /** Seconds after a change that say nothing. */
  settleS: 3,
  /** Good seconds until the page asks for more. */
  holdS: 30,
  mostHoldS: 480,
  /** A trial has failed if it turns bad within this time. */
  trialS: 20,
  /** The least helps if it brings losses or age below this part of those of the originals. */
  helps: 0.8,
  /** The weight of the last second in the averages. */
  weight: 0.3,
};

/** Parts of the shown width, from the originals downwards. */
const PARTS = [null, 1, 1 / 2, 1 / 4];
const LEAST = PARTS.length - 1;
/** Few combinations, which viewers share: a server has only so many in use (`max_variants`). */
const WIDTHS = [80, 160, 240, 320, 480, 720, 1280];
const QUALITY = "75";

/**
 * @typedef {object} Second what came in a second
 * @property {number} frames
 * @property {number} lost frames
 * @property {number} ageMs of frames when they were drawn; NaN: unknown
 *
 * @typedef {object} Judgement
 * @property {number} level
 * @property {number} bad seconds
 * @property {number} good seconds since the last bad one
 * @property {number} silent seconds in which nothing came, before this one
 * @property {number} settleS seconds that are left
 * @property {number} trialS
 * @property {number} restS how long the originals stay whatever comes
 * @property {number} holdS
 * @property {number} lost averages
 * @property {number} ageMs
 * @property {{lost: number, ageMs: number}} before of the originals
 */

/** @returns {Judgement} */
export function unjudged() {
  const { settleS, holdS } = RULE;
  const before = { lost: 0, ageMs: 0 };
  return { level: 0, bad: 0, good: 0, silent: 0, settleS, trialS: 0, restS: 0, holdS, lost: 0, ageMs: 0, before };
}

/** What follows from a second. @param {Judgement} last @param {Second} second @returns {Judgement} */
export function judged(last, { frames, lost, ageMs }) {
  if (last.settleS > 0) return { ...last, settleS: last.settleS - 1 };
  const now = { ...last, trialS: Math.max(0, last.trialS - 1), restS: Math.max(0, last.restS - 1) };
  if (last.trialS === 1) now.holdS = Math.max(RULE.holdS, last.holdS / 2);
  if (frames + lost === 0) return { ...now, silent: last.silent + 1 };
  now.silent = 0;
  const share = lost / (frames + lost);
  const age = Number.isNaN(ageMs) ? 0 : ageMs;
  now.lost += RULE.weight * (share - now.lost);
  now.ageMs += RULE.weight * (age - now.ageMs);
  if (share < RULE.lost && age < RULE.lateMs) {
    now.bad = Math.max(0, now.bad - 0.5);
    now.good += 1;
    return now.level > 0 && now.good >= now.holdS ? moved(now, now.level - 1, { trialS: RULE.trialS }) : now;
  }
  now.bad += Math.max(1, Math.min(last.silent + 1, age / 1000)); // on a slow line one frame takes several seconds
  now.good = 0;
  if (now.bad < RULE.badS || now.restS > 0) return now;
  if (now.level === LEAST) return helped(now) ? now : moved(now, 0, { restS: RULE.mostHoldS });
  const holdS = now.trialS > 0 ? Math.min(RULE.mostHoldS, 2 * now.holdS) : now.holdS;
  const before = now.level === 0 ? { lost: now.lost, ageMs: now.ageMs } : now.before;
  return moved(now, now.level + 1, { holdS, before });
}

/** @param {Judgement} now @param {number} level @param {Partial<Judgement>} more @returns {Judgement} */
function moved(now, level, more) {
  return { ...now, level, bad: 0, good: 0, silent: 0, settleS: RULE.settleS, trialS: 0, lost: 0, ageMs: 0, ...more };
}

/** @param {Judgement} now */
function helped({ lost, ageMs, before }) {
  return lost < RULE.helps * before.lost || ageMs < RULE.helps * before.ageMs;
}

/**
 * The options of the stream for a level, see docs/websocket.md.
 * @param {number} level
 * @param {number} widthPx pixels of the screen that the widest picture covers, or its own if they are fewer
 * @param {boolean} hasAvif whether this browser can show AVIF
 * @returns {Record<string, string>}
 */
export function options(level, widthPx, hasAvif) {
  const avif = hasAvif ? ",avif" : "";
  const part = PARTS[level];
  if (!part) return { formats: `png,jpeg,webp${avif}` };
  const least = widthPx < WIDTHS[0] ? 0 : WIDTHS[part === 1 ? 1 : 0];
  const width = Math.max(least, WIDTHS.findLast((each) => each <= widthPx * part) ?? 0);
  return { formats: `jpeg,webp${avif}`, quality: QUALITY, ...(width > 0 && { max_width: String(width) }) };
}

/** The levels that can be chosen. */
const CHOICES = new Map([
  ["original", 0],
  ["smaller", 1],
  ["smallest", LEAST],
]);
const AUTO = "auto";
const NAMES = ["Auto", "Auto: smaller", "Auto: half", "Auto: quarter"];

/** The choice of a person, or of the page itself. */
export class Quality {
  #select = byId("quality", HTMLSelectElement);
  #auto = /** @type {HTMLOptionElement} */ (this.#select.options[0]);
  #stored = new Stored("beats.quality", () => localStorage);
  #now = unjudged();

  /** @param {boolean} isFixed whether the page's address says what to ask for @param {() => void} onChange */
  constructor(isFixed, onChange) {
    const stored = this.#stored.value ?? AUTO;
    this.#select.value = CHOICES.has(stored) ? stored : AUTO;
    this.#select.disabled = isFixed;
    if (isFixed) this.#select.title = "The page's address says what to ask for";
    this.#select.addEventListener("change", () => {
      this.#stored.value = this.#select.value;
      this.begin();
      onChange();
    });
  }

  get level() {
    return CHOICES.get(this.#select.value) ?? this.#now.level;
  }

  /** Judge without the past. */
  begin() {
    this.#now = { ...unjudged(), level: this.#now.level, holdS: this.#now.holdS };
    if (CHOICES.has(this.#select.value)) this.#now.level = 0;
    this.#show();
  }

  /** Say nothing about the next seconds. */
  settle() {
    this.#now.settleS = RULE.settleS;
  }

  /** Judge a second; true if the level has changed. @param {Second} second */
  take(second) {
    if (CHOICES.has(this.#select.value) || this.#select.disabled) return false;
    const { level } = this.#now;
    this.#now = judged(this.#now, second);
    this.#show();
    return this.#now.level !== level;
  }

  #show() {
    this.#auto.text = NAMES[this.#now.level];
  }
}

/** An AVIF file of one pixel. */
const PIXEL =
  "AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAOltZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAAAAAAAAAAAAAAAAAA" +
  "AA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAAQ0AAAAaAAAAKGlpbmYAAAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYw" +
  "MUNvbG9yAAAAAGhpcHJwAAAASWlwY28AAAAUaXNwZQAAAAAAAAABAAAAAQAAAA5waXhpAAAAAAEIAAAADGF2MUOBABwAAAAAE2Nv" +
  "bHJuY2x4AAEADQAGgAAAABdpcG1hAAAAAAAAAAEAAQQBAoMEAAAAIm1kYXQSAAoHGAAGmAhoNTINH/UV3/4sAJA1kW5ccA==";

/** Whether this browser can decode AVIF: tries a picture of one pixel. */
export async function canShowAvif() {
  const file = Uint8Array.from(atob(PIXEL), (digit) => digit.charCodeAt(0));
  try {
    (await createImageBitmap(new Blob([file], { type: "image/avif" }))).close();
    return true;
  } catch {
    return false;
  }
}
