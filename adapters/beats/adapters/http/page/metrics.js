// How well the stream arrives: the numbers in the bar, and the sheet below them.

import { byId, measure, make, write } from "./browser.js";
import { now } from "./clock.js";
import { count, duration, size } from "./format.js";
import { Meter } from "./measures.js";

const AGES = 64;
/** Without a new picture for this long, the age shown is that of the last picture now. */
const FRESH_MS = 1000;
/** A new picture captured longer ago than this comes from a recording. */
const RECORDED_MS = 86_400_000;

/** How often a picture is drawn, and how old it is then. */
export class Pace {
  #clock;
  #meter = new Meter(30, 100);
  #ages = new Float64Array(AGES).fill(Number.NaN);
  #drawn = 0;
  #drawnMs = 0;
  capturedMs = 0;

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** Note that a frame was drawn. @param {number} capturedMs */
  drawn(capturedMs) {
    this.#drawnMs = now();
    this.capturedMs = capturedMs;
    this.#meter.add(1, this.#drawnMs);
    this.#ages[this.#drawn % AGES] = this.#ageAtMs(this.#drawnMs);
    this.#drawn += 1;
  }

  get isDrawn() {
    return this.#drawn > 0;
  }

  /** Milliseconds since the last frame was drawn. */
  get quietMs() {
    return now() - this.#drawnMs;
  }

  get fps() {
    return this.#meter.perSecond(now());
  }

  /** Of the latest frames when they were drawn, or of the last one now if it is older; NaN: unknown. */
  get ageMs() {
    return this.quietMs < FRESH_MS ? median(this.#ages) : this.#ageAtMs(now());
  }

  /** How long ago the last frame was captured, by the server's clock; NaN: unknown. @param {number} nowMs */
  #ageAtMs(nowMs) {
    const serverMs = this.#clock.serverMs(nowMs);
    return serverMs === null || !this.capturedMs ? Number.NaN : Math.max(0, serverMs - this.capturedMs);
  }
}

/** The numbers in the bar: frame rate and age of one picture, data rate, skipped pictures, drops. */
export class Metrics {
  #fps = byId("fps", HTMLDataElement);
  #ageName = byId("age-name", HTMLElement);
  #age = byId("age", HTMLDataElement);
  #data = byId("data", HTMLDataElement);
  #skipped = byId("skipped", HTMLDataElement);
  #drops = byId("drops", HTMLDataElement);
  /** Whether pictures come from a replay: their age is meaningless then. */
  isReplaying = false;

  /** Update frame rate and age. @param {Pace} pace of the picture that they are about */
  refresh(pace) {
    if (!pace.isDrawn) return;
    const { fps, ageMs } = pace;
    measure(this.#fps, fps.toFixed(2), fps.toFixed(fps < 9.95 ? 1 : 0));
    const isRecorded = this.isReplaying || (pace.quietMs < FRESH_MS && ageMs > RECORDED_MS);
    write(this.#ageName, isRecorded ? "recorded" : "age");
    if (isRecorded) measure(this.#age, "", moment(pace.capturedMs));
    else if (!Number.isNaN(ageMs)) measure(this.#age, ageMs.toFixed(1), duration(ageMs));
  }

  /** Update what was received and what was lost. @param {import("./worker.js").Totals} totals */
  show({ bytesPerSecond, skipped, missed }) {
    measure(this.#data, bytesPerSecond.toFixed(0), `${size(bytesPerSecond)}/s`);
    measure(this.#skipped, skipped, count(skipped));
    measure(this.#drops, missed, count(missed));
    this.#drops.classList.toggle("some", missed > 0);
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

const MOST_CHARACTERS = 200;

/** The sheet: drops by topic, and facts of the connection. Most of it is updated only while it is open. */
export class Sheet {
  #about = byId("about", HTMLDetailsElement);
  #none = byId("drops-none", HTMLElement);
  #table = byId("drops-table", HTMLElement);
  #rows = byId("drops-rows", HTMLElement);
  #more = byId("drops-more", HTMLElement);
  #leftOut = byId("left-out", HTMLElement);
  #received = byId("received", HTMLDataElement);
  #unreadable = byId("unreadable", HTMLDataElement);
  #picture = byId("picture-size", HTMLElement);
  #roundTrip = byId("round-trip", HTMLDataElement);
  #clockText = byId("clock", HTMLElement);
  #clock;

  /** @param {import("./clock.js").Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** @param {import("./worker.js").Totals} totals @param {string} sizeText of the picture */
  show({ received, unreadable, worst, missedTopics, leftOut }, sizeText) {
    measure(this.#received, received, count(received));
    measure(this.#unreadable, unreadable, count(unreadable));
    if (!this.#about.open) return;
    write(this.#picture, sizeText);
    const best = this.#clock.best;
    if (best) {
      measure(this.#roundTrip, best.tripMs.toFixed(1), duration(best.tripMs));
      write(this.#clockText, `${signed(best.offsetMs)} ± ${duration(best.tripMs / 2)}`);
    }
    this.#none.hidden = worst.length > 0;
    this.#table.hidden = worst.length === 0;
    this.#rows.replaceChildren(...worst.map(row));
    this.#more.hidden = missedTopics <= worst.length;
    write(this.#more, `and ${count(missedTopics - worst.length)} more topics`);
    this.#leftOut.hidden = leftOut === 0;
    write(this.#leftOut, `${count(leftOut)} pictures were left out because this page asked for fewer (max_fps).`);
  }

  /** @param {import("./session.js").Facts} facts */
  set facts(facts) {
    write(byId("server", HTMLElement), `Beats ${facts.beats}, ${facts.sink}`);
  }
}

/** @param {[string, number]} line */
function row([topic, missed]) {
  const number = make("data", "", count(missed));
  number.value = String(missed);
  const cell = make("td");
  cell.append(number);
  const made = make("tr");
  made.append(make("td", "", topic.slice(0, MOST_CHARACTERS)), cell);
  return made;
}

/** @param {number} offsetMs of the server's clock from this machine's */
function signed(offsetMs) {
  return `${offsetMs < 0 ? "−" : "+"}${duration(Math.abs(offsetMs))}`;
}
