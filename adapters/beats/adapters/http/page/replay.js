// The timeline of a replay.

import { byId, make, write } from "./browser.js";
import { now } from "./clock.js";
import { position } from "./format.js";

/** @type {(number | "max")[]} */
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 10, "max"];
/** Interval between seeks while the slider is dragged. */
const SEEK_MS = 120;
/** For this long after a command, positions from the server may be out of date. */
const SETTLE_MS = 700;

/** Visible while something is replayed. */
export class Replay {
  #section = byId("replay", HTMLElement);
  #pause = byId("replay-pause", HTMLButtonElement);
  #slider = byId("replay-position", HTMLInputElement);
  #here = byId("replay-here", HTMLElement);
  #end = byId("replay-end", HTMLElement);
  #speed = byId("replay-speed", HTMLSelectElement);
  #buttons = [byId("replay-back", HTMLButtonElement), this.#pause, byId("replay-forward", HTMLButtonElement)];
  #playhead = new Playhead();
  #paused = false;
  #isDragged = false;
  #ignoresUntilMs = 0;
  #seekTimer = 0;
  #send;

  /** @param {import("./controls.js").Send} send */
  constructor(send) {
    this.#send = send;
    const [back, pause, on] = this.#buttons;
    back.addEventListener("click", () => this.#send("replay_seek", { frames: -1 }));
    on.addEventListener("click", () => this.#send("replay_seek", { frames: 1 }));
    pause.addEventListener("click", () => this.#toggle());
    this.#speed.addEventListener("change", () => this.#send("replay_speed", { speed: speedOf(this.#speed.value) }));
    this.#slider.addEventListener("input", () => this.#drag());
    this.#slider.addEventListener("change", () => this.#release());
    this.#speed.append(...SPEEDS.map(option));
  }

  /** Whether something is replayed. */
  get isShown() {
    return !this.#section.hidden;
  }

  /** Whether a replay is paused or at its end, so that nothing arrives. */
  get isPaused() {
    if (!this.isShown) return false;
    return this.#paused || this.#playhead.position_s(now()) >= this.#playhead.duration_s;
  }

  /**
   * Show the server's state of the replay. All replays obey the same commands; the first is shown.
   * @param {Record<string, import("./session.js").Playback>} playback by the sources' names
   */
  set playback(playback) {
    const [first] = Object.values(playback);
    this.#section.hidden = !first;
    if (!first) return;
    this.#showPaused(first.paused);
    this.#showSpeed(first.speed);
    if (now() >= this.#ignoresUntilMs) this.#playhead.set(first, now());
    const duration = String(first.duration_s);
    if (this.#slider.max !== duration) this.#slider.max = duration;
    write(this.#end, position(first.duration_s));
    this.refresh();
  }

  /** @param {boolean} may whether the viewer may send commands */
  set allowed(may) {
    for (const control of [...this.#buttons, this.#slider, this.#speed]) control.disabled = !may;
  }

  /** Show the current position. */
  refresh() {
    if (this.#isDragged || !this.isShown) return;
    const here_s = this.#playhead.position_s(now());
    this.#slider.value = String(here_s);
    this.#showPosition(here_s);
  }

  #toggle() {
    this.#send("replay_pause", { paused: !this.#paused });
    this.#continueFrom(this.#playhead.position_s(now()), !this.#paused);
    this.#showPaused(!this.#paused);
  }

  #drag() {
    this.#isDragged = true;
    this.#showPosition(this.#slider.valueAsNumber);
    this.#seekTimer ||= setTimeout(() => this.#seek(), SEEK_MS);
  }

  #release() {
    this.#isDragged = false;
    clearTimeout(this.#seekTimer);
    this.#seek();
    this.#continueFrom(this.#slider.valueAsNumber, this.#paused);
  }

  #seek() {
    this.#seekTimer = 0;
    this.#send("replay_seek", { position_s: this.#slider.valueAsNumber });
  }

  /**
   * Continue from here, and ignore the server's positions for a moment.
   * @param {number} position_s
   * @param {boolean} paused
   */
  #continueFrom(position_s, paused) {
    const speed = speedOf(this.#speed.value);
    this.#playhead.set({ position_s, duration_s: this.#playhead.duration_s, speed, paused, loops: 0 }, now());
    this.#ignoresUntilMs = now() + SETTLE_MS;
  }

  /** @param {boolean} paused */
  #showPaused(paused) {
    this.#paused = paused;
    this.#section.classList.toggle("paused", paused);
    this.#pause.setAttribute("aria-label", paused ? "Play" : "Pause");
  }

  /** @param {number | "max"} speed */
  #showSpeed(speed) {
    if (document.activeElement === this.#speed && this.#speed.matches(":open")) return;
    const value = String(speed);
    if (![...this.#speed.options].some((each) => each.value === value)) this.#speed.append(option(speed));
    this.#speed.value = value;
  }

  /** @param {number} here_s */
  #showPosition(here_s) {
    const text = position(here_s);
    write(this.#here, text);
    this.#slider.setAttribute("aria-valuetext", text);
  }
}

/** @param {number | "max"} speed */
function option(speed) {
  const made = make("option", "", speed === "max" ? "max" : `${speed}×`);
  made.value = String(speed);
  return made;
}

/** @param {string} value */
function speedOf(value) {
  return value === "max" ? "max" : Number(value);
}

/** The position between two answers of the server: moves on at the replay's speed. */
export class Playhead {
  /** @type {import("./session.js").Playback} */
  #playback = { position_s: 0, duration_s: 0, speed: 1, paused: true, loops: 0 };
  #atMs = 0;

  /** @param {import("./session.js").Playback} playback @param {number} nowMs when the server sent it */
  set(playback, nowMs) {
    this.#playback = playback;
    this.#atMs = nowMs;
  }

  /** Seconds from start to end. */
  get duration_s() {
    return this.#playback.duration_s;
  }

  /** Seconds from the start. At speed `max` only the server knows the position. @param {number} nowMs */
  position_s(nowMs) {
    const { position_s, duration_s, speed, paused } = this.#playback;
    const pace = paused || speed === "max" ? 0 : speed;
    return Math.min(duration_s, Math.max(0, position_s + ((nowMs - this.#atMs) / 1000) * pace));
  }
}
