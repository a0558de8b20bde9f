// The token, which is kept as long as this tab is open, and nowhere else.

import { Kept } from "./kept.js";

/** What a viewer presents to the server, if anything. */
export class Token {
  #kept = new Kept("beats.token", () => sessionStorage);

  /** Take it from the page's address, and remove it from there before anybody sees or shares it. */
  constructor() {
    const address = new URL(location.href);
    const given = address.searchParams.get("token");
    if (given === null) return;
    address.searchParams.delete("token");
    history.replaceState(history.state, "", address);
    this.value = given;
  }

  get value() {
    return this.#kept.value || null;
  }

  /** @param {string | null} token null: forget it */
  set value(token) {
    this.#kept.value = token;
  }
}
