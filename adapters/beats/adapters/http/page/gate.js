// Asks for the token.

import { byId, write } from "./dom.js";

/** A form over the picture. */
export class Gate {
  #form = byId("gate", HTMLFormElement);
  #input = byId("gate-token", HTMLInputElement);
  #why = byId("gate-why", HTMLElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("[type=submit]"));
  #cancel = byId("gate-cancel", HTMLButtonElement);
  #check;

  /**
   * @param {(token: string) => Promise<string | null>} check says what is wrong with a token; null: nothing
   */
  constructor(check) {
    this.#check = check;
    this.#form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#try(this.#input.value.trim());
    });
    this.#cancel.addEventListener("click", () => this.close());
  }

  /** Whether it is open. */
  get isOpen() {
    return !this.#form.hidden;
  }

  /**
   * @param {string} why
   * @param {{optional?: boolean, wrong?: boolean}} more whether one may do without, and whether one was wrong
   */
  open(why, { optional = false, wrong = false } = {}) {
    this.#say(why, wrong);
    this.#cancel.hidden = !optional;
    if (this.isOpen) return;
    this.#form.hidden = false;
    this.#input.focus();
  }

  /** Ask no more. */
  close() {
    this.#form.hidden = true;
    this.#input.value = "";
  }

  /** @param {string} token */
  async #try(token) {
    if (!token) return;
    this.#submit.disabled = true;
    const wrong = await this.#check(token);
    this.#submit.disabled = false;
    if (wrong === null) {
      this.close();
      return;
    }
    this.#say(wrong, true);
    this.#input.select();
    this.#input.focus();
  }

  /**
   * @param {string} text
   * @param {boolean} isWrong
   */
  #say(text, isWrong) {
    write(this.#why, text);
    this.#why.dataset.tone = isWrong ? "bad" : "";
    this.#why.setAttribute("role", isWrong ? "alert" : "none");
    this.#input.setAttribute("aria-invalid", String(isWrong));
  }
}
