// The commands of a viewer who may control the application, and what became of them.

import { byId, make, write } from "./browser.js";

/** Emojis that the document holds a drawing of, as `emoji-…`; others are shown as words. */
const DRAWN = ["poop", "skull", "heart", "star", "rainbow"];
/** The default of the server's settings: shown until the server tells which emojis it has. */
export const DEFAULT_EMOJIS = [...DRAWN, "seb", "faye", "will", "clem", "cal", "sri", "lampe", "ditto"];
const SVG = "http://www.w3.org/2000/svg";
/** Where arrow keys browse; elsewhere they belong to the focused element. */
const BROWSED_FROM = "#stage, #controls";
/** The stage while several pictures are seen: there, arrow keys go from one to another. */
const GRID = ".many:not(.enlarged)";

/** @typedef {(command: string, fields?: Record<string, unknown>, words?: string) => void} Send */

/** Buttons and fields, which work only with a connection and the right to control. */
export class Controls {
  #section = byId("controls", HTMLElement);
  #stage = byId("stage", HTMLElement);
  #fields = byId("controls-fields", HTMLFieldSetElement);
  #why = byId("controls-why", HTMLElement);
  #whyText = byId("controls-why-text", HTMLElement);
  #token = byId("controls-token", HTMLButtonElement);
  #emojis = byId("emojis", HTMLElement);
  #shownEmojis = "";
  #send;

  /** @param {Send} send @param {() => void} askToken called when the viewer wants to enter the control token */
  constructor(send, askToken) {
    this.#send = send;
    this.#token.addEventListener("click", askToken);
    for (const button of this.#fields.querySelectorAll("[data-command]")) {
      const { command = "", step } = /** @type {HTMLElement} */ (button).dataset;
      button.addEventListener("click", () => this.#tell(command, step ? { browse_step: Number(step) } : {}));
    }
    this.emojis = DEFAULT_EMOJIS;
    document.addEventListener("keydown", (event) => this.#key(event));
    this.#bindText();
    this.#bindSensor();
    this.#bindMore();
  }

  /**
   * Enable or disable the controls, and explain why they are disabled.
   * @param {{live: boolean, steer: boolean | null, hasToken: boolean}} now `steer` is null while unknown
   */
  allow({ live, steer, hasToken }) {
    const may = live && steer === true;
    const isExplained = !live || steer === false;
    this.#fields.disabled = !may;
    this.#why.hidden = !isExplained;
    // The status line shows a lost connection already; one more visible line would move the picture.
    this.#why.classList.toggle("visually-hidden", !live);
    this.#token.hidden = !live;
    write(this.#whyText, isExplained ? whyNot(live, hasToken) : "");
    const isGrid = this.#stage.matches(GRID);
    const keys = isGrid ? "Pictures: arrow keys, Enter, and 1 to 9 choose one" : "Picture";
    const browses = may && !isGrid;
    this.#stage.setAttribute("aria-label", browses ? "Picture: the left and right arrow keys browse" : keys);
    if (browses) this.#stage.setAttribute("aria-keyshortcuts", "ArrowLeft ArrowRight");
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
    if (!step || event.defaultPrevented || this.#fields.disabled || !(event.target instanceof Element)) return;
    if (!event.target.closest(BROWSED_FROM) || event.target.matches("input, select, textarea")) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    this.#tell("browse", { browse_step: step });
  }

  #bindText() {
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

  #bindSensor() {
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
      // This does not submit the form, so the key has to be checked here.
      if (key.reportValidity()) this.#tell("sensor_update", { sensor_key: key.value, clear: true });
    });
  }

  /** On a phone, a button unfolds the other controls. */
  #bindMore() {
    const more = byId("controls-more", HTMLButtonElement);
    more.addEventListener("click", () => {
      const isOpen = this.#section.classList.toggle("open");
      more.setAttribute("aria-expanded", String(isOpen));
      this.#section.scrollIntoView({ block: "nearest" });
    });
  }

  /** @param {string} command @param {Record<string, unknown>} fields */
  #tell(command, fields) {
    const said = Object.entries(fields).map(([name, value]) => (name === "clear" ? "cleared" : value));
    this.#send(command, fields, [command.replaceAll("_", " "), ...said].join(" "));
  }
}

/** @param {boolean} live @param {boolean} hasToken */
function whyNot(live, hasToken) {
  if (!live) return "Commands cannot be sent without a connection.";
  return hasToken ? "This token only lets you watch." : "You can watch. To send commands, enter the control token.";
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

/** After this long without a receipt, none is expected any more. */
const ANSWER_MS = 3000;
const SHOWN_MS = 5000;
/** Most commands that wait for a receipt. */
const MOST_WAITING = 64;
const MOST_CHARACTERS = 60;

/** One line that shows the last command and whether the server took it. */
export class Receipts {
  #line = byId("sent", HTMLElement);
  /** @type {Map<number, string>} */
  #waiting = new Map();
  #last = 0;
  #timer = 0;

  /**
   * A command is being sent.
   * @param {string} words its description
   * @returns {number} the number to look for in its receipt
   */
  expect(words) {
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= MOST_WAITING) this.#waiting.delete(oldest);
    this.#last += 1;
    const short = words.length > MOST_CHARACTERS ? `${words.slice(0, MOST_CHARACTERS)}…` : words;
    this.#waiting.set(this.#last, short);
    this.#say("sent", `Sent ${short}`, ANSWER_MS, () => {
      this.#waiting.clear();
      this.#show("lost", `Sent ${short}: no receipt came`);
    });
    return this.#last;
  }

  /** @param {import("./messages.js").Receipt} receipt */
  take({ receipt, taken, error }) {
    const words = this.#waiting.get(receipt);
    this.#waiting.delete(receipt);
    if (words === undefined) return;
    if (!taken) this.#show("refused", `Not taken: ${words}: ${error}`);
    else if (receipt === this.#last) this.#show("taken", `Sent ${words}: taken`);
  }

  /** @param {string} state @param {string} text */
  #show(state, text) {
    this.#say(state, text, SHOWN_MS, () => this.#say("", "", 0));
  }

  /** @param {string} state @param {string} text @param {number} forMs @param {(() => void)} then */
  #say(state, text, forMs, then = () => {}) {
    clearTimeout(this.#timer);
    this.#line.dataset.state = state;
    write(this.#line, text);
    if (forMs) this.#timer = setTimeout(then, forMs);
  }
}
