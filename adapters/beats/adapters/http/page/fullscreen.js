// The picture alone, on the whole screen.

import { byId } from "./dom.js";

const REST_MS = 2500;

/** Switches an area to the whole screen and back. */
export class FullScreen {
  #area = byId("stage", HTMLElement);
  #leave = byId("leave", HTMLButtonElement);
  #rest = 0;
  /** @type {WakeLockSentinel | null} */
  #lock = null;

  /** Listen to the buttons, to Escape and to a double click. */
  constructor() {
    const open = byId("fullscreen", HTMLButtonElement);
    open.addEventListener("click", () => this.#enter());
    this.#leave.addEventListener("click", () => this.#exit());
    this.#area.addEventListener("dblclick", () => (this.#isOn ? this.#exit() : this.#enter()));
    this.#area.addEventListener("pointermove", () => this.#wake());
    this.#area.addEventListener("pointerdown", () => this.#wake());
    document.addEventListener("fullscreenchange", () => this.#show(document.fullscreenElement === this.#area));
    // The browser itself leaves on Escape, but for where it has no full screen: there it is ours.
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.#isOn) this.#exit();
    });
    document.addEventListener("visibilitychange", () => this.#keepAwake());
  }

  get #isOn() {
    return this.#area.classList.contains("wall");
  }

  async #enter() {
    try {
      await this.#area.requestFullscreen({ navigationUI: "hide" });
    } catch {
      this.#show(true); // iPhones have it for films alone: then the whole window must do
    }
  }

  #exit() {
    if (document.fullscreenElement) document.exitFullscreen();
    else this.#show(false);
  }

  /** @param {boolean} on */
  #show(on) {
    this.#area.classList.toggle("wall", on);
    this.#leave.hidden = !on;
    if (on) this.#area.focus({ preventScroll: true }); // its keys steer
    this.#wake();
    this.#keepAwake();
  }

  /** Show the pointer, and the way out, for as long as somebody moves. */
  #wake() {
    this.#area.classList.add("awake");
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#area.classList.remove("awake"), REST_MS);
  }

  /** A wall must not go dark because nobody touches it. */
  async #keepAwake() {
    const wanted = this.#isOn && document.visibilityState === "visible";
    if (!wanted) {
      this.#lock?.release();
      this.#lock = null;
    } else if (!this.#lock || this.#lock.released) {
      this.#lock = (await navigator.wakeLock?.request("screen").catch(() => null)) ?? null;
    }
  }
}
