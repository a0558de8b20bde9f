// Light or dark: as the system has it, unless somebody chose.

import { byId } from "./dom.js";
import { Kept } from "./kept.js";
import { recolour } from "./sparkline.js";

const THEMES = ["system", "light", "dark"];

/** A button that goes through the choices. */
export class Theme {
  #button = byId("theme", HTMLButtonElement);
  #kept = new Kept("beats.theme", () => localStorage);

  /** Show what was chosen last. */
  constructor() {
    this.#button.addEventListener("click", () => {
      this.#kept.value = THEMES[(THEMES.indexOf(this.#theme) + 1) % THEMES.length];
      this.#show();
    });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
    this.#show();
  }

  get #theme() {
    return this.#kept.value ?? THEMES[0];
  }

  #show() {
    const name = this.#theme === THEMES[0] ? "as the system" : this.#theme;
    document.documentElement.dataset.theme = this.#theme;
    this.#button.setAttribute("aria-label", `Colours: ${name}`);
    this.#button.title = `Colours: ${name}`;
    recolour();
  }
}
