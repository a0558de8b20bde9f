// How well the picture comes, in the bar.

import { byId, figure, write } from "./dom.js";
import { count, duration, size } from "./format.js";
import { Meter } from "./meter.js";
import { now } from "./now.js";

const AGES = 64;
/** Without a new picture for so long, what matters is how long the last one is there. */
const FRESH_MS = 1000;
/** What was captured longer ago than this and is new all the same comes from a recording. */
const RECORDED_MS = 86_400_000;

/** Pictures drawn a second, their age, what comes and what does not. */
export class Figures {
  #fps = byId("fps", HTMLDataElement);
  #ageName = byId("age-name", HTMLElement);
  #age = byId("age", HTMLDataElement);
  #data = byId("data", HTMLDataElement);
  #skipped = byId("skipped", HTMLDataElement);
  #drops = byId("drops", HTMLDataElement);
  #clock;
  #meter = new Meter(30, 100);
  #ages = new Float64Array(AGES).fill(Number.NaN);
  #drawn = 0;
  #capturedMs = 0;
  #drawnMs = 0;
  #replaying = false;

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /**
   * Whether pictures come from a recording: their age says nothing then.
   * @param {boolean} replaying
   */
  set replaying(replaying) {
    this.#replaying = replaying;
  }

  /**
   * A picture has been drawn.
   * @param {number} capturedMs
   */
  drawn(capturedMs) {
    this.#drawnMs = now();
    this.#capturedMs = capturedMs;
    this.#meter.add(1, this.#drawnMs);
    this.#ages[this.#drawn % AGES] = this.#ageMs(this.#drawnMs);
    this.#drawn += 1;
  }

  /** Show what is drawn, and how old it is. */
  refresh() {
    if (this.#drawn === 0) return;
    const nowMs = now();
    const fps = this.#meter.perSecond(nowMs);
    figure(this.#fps, fps.toFixed(2), fps.toFixed(fps < 9.95 ? 1 : 0));
    const isFresh = nowMs - this.#drawnMs < FRESH_MS;
    const ageMs = isFresh ? median(this.#ages) : this.#ageMs(nowMs);
    const isRecorded = this.#replaying || (isFresh && ageMs > RECORDED_MS);
    write(this.#ageName, isRecorded ? "recorded" : "age");
    if (isRecorded) figure(this.#age, "", moment(this.#capturedMs));
    else if (!Number.isNaN(ageMs)) figure(this.#age, ageMs.toFixed(1), duration(ageMs));
  }

  /**
   * Show what was received, and what not.
   * @param {import("./worker.js").Totals} totals
   */
  show({ bytesPerSecond, skipped, missed }) {
    figure(this.#data, bytesPerSecond.toFixed(0), `${size(bytesPerSecond)}/s`);
    figure(this.#skipped, skipped, count(skipped));
    figure(this.#drops, missed, count(missed));
    this.#drops.classList.toggle("some", missed > 0);
  }

  /**
   * How long ago the picture was captured, by the server's clock; NaN when that is not known.
   * @param {number} nowMs
   */
  #ageMs(nowMs) {
    const serverMs = this.#clock.serverMs(nowMs);
    return serverMs === null || !this.#capturedMs ? Number.NaN : Math.max(0, serverMs - this.#capturedMs);
  }
}

/** @param {Float64Array} values */
function median(values) {
  const known = values.filter((value) => !Number.isNaN(value)).sort();
  return known.length ? known[known.length >> 1] : Number.NaN;
}

/** @param {number} unixMs */
function moment(unixMs) {
  return new Date(unixMs).toLocaleTimeString("en-GB");
}
