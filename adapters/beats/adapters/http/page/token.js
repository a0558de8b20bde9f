// The token: stored for as long as this tab is open, and the form that asks for it.

import { byId, Stored, write } from "./browser.js";

/** The token that this page sends to the server, if it has one. */
export class Token {
  #stored = new Stored("beats.token", () => sessionStorage);

  /** Take the token from the page's address, and remove it there, so that it is neither seen nor shared. */
  constructor() {
    const address = new URL(location.href);
    const given = address.searchParams.get("token");
    if (given === null) return;
    address.searchParams.delete("token");
    history.replaceState(history.state, "", address);
    this.value = given;
  }

  get value() {
    return this.#stored.value || null;
  }

  /** @param {string | null} token null: forget it */
  set value(token) {
    this.#stored.value = token;
  }
}

/** The form over the picture that asks for the token. */
export class Gate {
  #form = byId("gate", HTMLFormElement);
  #input = byId("gate-token", HTMLInputElement);
  #why = byId("gate-why", HTMLElement);
  #submit = /** @type {HTMLButtonElement} */ (this.#form.querySelector("[type=submit]"));
  #cancel = byId("gate-cancel", HTMLButtonElement);
  #check;

  /** @param {(token: string) => Promise<string | null>} check tells what is wrong with a token; null: nothing */
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
   * @param {{optional?: boolean, wrong?: boolean}} more can the form be cancelled, was the given token wrong
   */
  open(why, { optional = false, wrong = false } = {}) {
    this.#say(why, wrong);
    this.#cancel.hidden = !optional;
    if (this.isOpen) return;
    this.#form.hidden = false;
    this.#input.focus();
  }

  /** Close the form. */
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

  /** @param {string} text @param {boolean} isWrong */
  #say(text, isWrong) {
    write(this.#why, text);
    this.#why.dataset.tone = isWrong ? "bad" : "";
    this.#why.setAttribute("role", isWrong ? "alert" : "none");
    this.#input.setAttribute("aria-invalid", String(isWrong));
  }
}
