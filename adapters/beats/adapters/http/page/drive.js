// The commands that everybody who may steer has.

import { byId, make, write } from "./dom.js";

/** Those that the page has a drawing of, `emoji-…` in its document; others are written out. */
const DRAWN = ["poop", "skull", "heart", "star", "rainbow"];
/** Those that a server has if nobody said otherwise: they have their place before it tells which it has. */
export const USUAL = [...DRAWN, "seb", "faye", "will", "clem", "cal", "sri", "lampe", "ditto"];
const SVG = "http://www.w3.org/2000/svg";
/** Where arrow keys steer: anywhere else they belong to what has the focus. */
const STEERED_FROM = "#stage, #drive";

/** @typedef {(command: string, fields?: Record<string, unknown>, words?: string) => void} Send */

/** Buttons and fields; none works without the right to steer and a connection. */
export class Drive {
  #section = byId("drive", HTMLElement);
  #stage = byId("stage", HTMLElement);
  #fields = byId("drive-fields", HTMLFieldSetElement);
  #why = byId("drive-why", HTMLElement);
  #whyText = byId("drive-why-text", HTMLElement);
  #token = byId("drive-token", HTMLButtonElement);
  #emojis = byId("emojis", HTMLElement);
  #shownEmojis = "";
  #send;

  /**
   * @param {Send} send
   * @param {() => void} askToken the control token is missing, and somebody has it
   */
  constructor(send, askToken) {
    this.#send = send;
    this.#token.addEventListener("click", askToken);
    for (const button of this.#fields.querySelectorAll("[data-command]")) {
      const { command = "", step } = /** @type {HTMLElement} */ (button).dataset;
      button.addEventListener("click", () => this.#tell(command, step ? { browse_step: Number(step) } : {}));
    }
    this.emojis = USUAL;
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#listenToText();
    this.#listenToSensor();
    this.#listenToMore();
  }

  /**
   * Whether commands can be given, and why not.
   * @param {{live: boolean, steer: boolean | null, hasToken: boolean}} now `steer` is null while it is not known
   */
  allow({ live, steer, hasToken }) {
    const may = live && steer === true;
    const isExplained = !live || steer === false;
    this.#fields.disabled = !may;
    this.#why.hidden = !isExplained;
    // That there is no connection is seen elsewhere: a line more would move the picture for it.
    this.#why.classList.toggle("visually-hidden", !live);
    this.#token.hidden = !live;
    write(this.#whyText, isExplained ? whyNot(live, hasToken) : "");
    this.#stage.setAttribute("aria-label", may ? "Picture: the left and right arrow keys browse" : "Picture");
    if (may) this.#stage.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight");
    else this.#stage.removeAttribute("aria-keyshortcuts");
  }

  /** @param {string[]} names */
  set emojis(names) {
    if (this.#shownEmojis === names.join()) return;
    this.#shownEmojis = names.join();
    this.#emojis.hidden = names.length === 0;
    this.#emojis.replaceChildren(...names.map((name) => this.#emoji(name)));
  }

  /** @param {string} name */
  #emoji(name) {
    const isDrawn = DRAWN.includes(name);
    const button = make("button", isDrawn ? "" : "word", isDrawn ? "" : name);
    button.type = "button";
    button.title = name;
    button.setAttribute("aria-label", name);
    if (isDrawn) button.append(drawing(name));
    button.addEventListener("click", () => this.#tell("emoji_update", { emoji: name }));
    return button;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || this.#fields.disabled || !(event.target instanceof Element)) return;
    if (!event.target.closest(STEERED_FROM) || event.target.matches("input, select, textarea")) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#tell("browse", { browse_step: step });
  }

  #listenToText() {
    const input = byId("text", HTMLInputElement);
    byId("text-form", HTMLFormElement).addEventListener("submit", (event) => {
      event.preventDefault();
      this.#tell("text_update", { text: input.value });
    });
    byId("text-clear", HTMLButtonElement).addEventListener("click", () => {
      input.value = "";
      this.#tell("text_update", { clear: true });
    });
  }

  #listenToSensor() {
    const form = byId("sensor-form", HTMLFormElement);
    const key = byId("sensor-key", HTMLInputElement);
    const value = byId("sensor-value", HTMLInputElement);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const number = value.valueAsNumber;
      if (Number.isFinite(number)) this.#tell("sensor_update", { sensor_key: key.value, sensor_value: number });
      else value.focus();
    });
    byId("sensor-clear", HTMLButtonElement).addEventListener("click", () => {
      // Without a value it is not the form that is sent, but the key is needed all the same.
      if (key.reportValidity()) this.#tell("sensor_update", { sensor_key: key.value, clear: true });
    });
  }

  /** On a phone the rest comes up on demand. */
  #listenToMore() {
    const more = byId("drive-more", HTMLButtonElement);
    more.addEventListener("click", () => {
      const isOpen = this.#section.classList.toggle("open");
      more.setAttribute("aria-expanded", String(isOpen));
      this.#section.scrollIntoView({ block: "nearest" });
    });
  }

  /**
   * @param {string} command
   * @param {Record<string, unknown>} fields
   */
  #tell(command, fields) {
    const said = Object.entries(fields).map(([name, value]) => (name === "clear" ? "cleared" : value));
    this.#send(command, fields, [command.replaceAll("_", " "), ...said].join(" "));
  }
}

/**
 * @param {boolean} live
 * @param {boolean} hasToken
 */
function whyNot(live, hasToken) {
  if (!live) return "Nothing can be steered while there is no connection.";
  return hasToken ? "This token lets you watch, not steer." : "You may watch. To steer, the control token is needed.";
}

/** @param {string} name */
function drawing(name) {
  const svg = document.createElementNS(SVG, "svg");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#emoji-${name}`);
  svg.setAttribute("aria-hidden", "true");
  svg.append(use);
  return svg;
}
