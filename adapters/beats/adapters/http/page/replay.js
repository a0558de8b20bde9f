// The timeline of a replay.

import { byId, make, write } from "./dom.js";
import { position } from "./format.js";
import { now } from "./now.js";
import { Playhead } from "./playhead.js";

/** @type {(number | "max")[]} */
const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 10, "max"];
/** A slider that is dragged says where to this often. */
const SEEK_MS = 120;
/** Until the server has obeyed, what it says is from before. */
const OBEYS_MS = 700;

/** Shown while something is replayed. */
export class Replay {
  #section = byId("replay", HTMLElement);
  #pause = byId("replay-pause", HTMLButtonElement);
  #slider = byId("replay-position", HTMLInputElement);
  #here = byId("replay-here", HTMLElement);
  #end = byId("replay-end", HTMLElement);
  #speed = byId("replay-speed", HTMLSelectElement);
  #buttons = [byId("replay-back", HTMLButtonElement), this.#pause, byId("replay-on", HTMLButtonElement)];
  #playhead = new Playhead();
  #paused = false;
  #isHeld = false;
  #heldUntilMs = 0;
  #seekTimer = 0;
  #send;

  /** @param {import("./drive.js").Send} send */
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

  /** Whether a replay stands still, since somebody paused it or it is at its end: then nothing comes. */
  get isPaused() {
    if (!this.isShown) return false;
    return this.#paused || this.#playhead.position_s(now()) >= this.#playhead.duration_s;
  }

  /**
   * What the server says of it. All replays obey the same commands; the first is shown.
   * @param {Record<string, import("./session.js").Playback>} playback by the sources' names
   */
  set playback(playback) {
    const [first] = Object.values(playback);
    this.#section.hidden = !first;
    if (!first) return;
    this.#showPaused(first.paused);
    this.#showSpeed(first.speed);
    if (now() >= this.#heldUntilMs) this.#playhead.set(first, now());
    const duration = String(first.duration_s);
    if (this.#slider.max !== duration) this.#slider.max = duration;
    write(this.#end, position(first.duration_s));
    this.refresh();
  }

  /** @param {boolean} may whether the viewer may steer */
  set allowed(may) {
    for (const control of [...this.#buttons, this.#slider, this.#speed]) control.disabled = !may;
  }

  /** Show where it is by now. */
  refresh() {
    if (this.#isHeld || !this.isShown) return;
    const here_s = this.#playhead.position_s(now());
    this.#slider.value = String(here_s);
    this.#showPosition(here_s);
  }

  #toggle() {
    this.#send("replay_pause", { paused: !this.#paused });
    this.#hold(this.#playhead.position_s(now()), !this.#paused);
    this.#showPaused(!this.#paused);
  }

  #drag() {
    this.#isHeld = true;
    this.#showPosition(this.#slider.valueAsNumber);
    this.#seekTimer ||= setTimeout(() => this.#seek(), SEEK_MS);
  }

  #release() {
    this.#isHeld = false;
    clearTimeout(this.#seekTimer);
    this.#seek();
    this.#hold(this.#slider.valueAsNumber, this.#paused);
  }

  #seek() {
    this.#seekTimer = 0;
    this.#send("replay_seek", { position_s: this.#slider.valueAsNumber });
  }

  /**
   * Go on from here, whatever is still said of before.
   * @param {number} position_s
   * @param {boolean} paused
   */
  #hold(position_s, paused) {
    const speed = speedOf(this.#speed.value);
    this.#playhead.set({ position_s, duration_s: this.#playhead.duration_s, speed, paused, loops: 0 }, now());
    this.#heldUntilMs = now() + OBEYS_MS;
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
