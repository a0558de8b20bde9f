// How the page is shown: its colours, and the picture on the full screen.

import { byId, Stored } from "./browser.js";
import { recolour } from "./sparkline.js";

const THEMES = ["system", "light", "dark"];

/** A button that switches between the system's colours, light and dark. */
export class Theme {
  #button = byId("theme", HTMLButtonElement);
  #stored = new Stored("beats.theme", () => localStorage);

  /** Apply the last choice. */
  constructor() {
    this.#button.addEventListener("click", () => {
      this.#stored.value = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length];
      this.#show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    this.#show();
  }

  get #theme() {
    return this.#stored.value ?? THEMES[0];
  }

  #show() {
    const name = this.#theme === THEMES[0] ? "as the system" : this.#theme;
    document.documentElement.dataset.theme = this.#theme;
    this.#button.setAttribute("aria-label", `Colours: ${name}`);
    this.#button.title = `Colours: ${name}`;
    recolour();
  }
}

/** Close sheets that are open: on Escape, and when something else is touched. */
export function closeSheets() {
  const sheets = [...document.querySelectorAll("details.about")].filter((each) => each instanceof HTMLDetailsElement);
  document.addEventListener("pointerdown", ({ target }) => {
    for (const sheet of sheets) if (target instanceof Node && !sheet.contains(target)) sheet.open = false;
  });
  document.addEventListener("keydown", ({ key }) => {
    for (const sheet of sheets) if (key === "Escape") sheet.open = false;
  });
}

/** A line for a person who sees the page for the first time in this browser; once closed, it never comes again. */
export function greet() {
  const line = byId("first-visit", HTMLElement);
  const seen = new Stored("beats.seen", () => localStorage);
  line.hidden = seen.value !== null;
  byId("first-visit-close", HTMLButtonElement).addEventListener("click", () => {
    seen.value = "yes";
    line.hidden = true;
  });
}

const REST_MS = 2500;

/** Switches the picture to full screen and back. */
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
    // Browsers leave full screen on Escape by themselves; without full screen it has to be done here.
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
      this.#show(true); // iPhones offer full screen for videos only: fill the window instead
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
    if (on) this.#area.focus({ preventScroll: true }); // for its arrow keys
    this.#wake();
    this.#keepAwake();
  }

  /** Show the pointer and the button to leave while the pointer moves. */
  #wake() {
    this.#area.classList.add("awake");
    clearTimeout(this.#rest);
    this.#rest = setTimeout(() => this.#area.classList.remove("awake"), REST_MS);
  }

  /** Keep the screen from turning off. */
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
