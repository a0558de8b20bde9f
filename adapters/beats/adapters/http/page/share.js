// The sheet that shows this page's address to a phone.

import { byId, write } from "./browser.js";

const ANSWER_MS = 5000;

/**
 * @typedef {object} Shared
 * @property {string} [why] why no other device can open the page
 * @property {string} [url] what to open
 * @property {string} [qr] its code, as an SVG path
 * @property {number} [size] width of the code
 */

/** Asks the server each time it is opened: it alone knows under which address the network reaches it. */
export class Share {
  #details = byId("share", HTMLDetailsElement);
  #why = byId("share-why", HTMLElement);
  #code = byId("share-code", SVGSVGElement);
  #path = byId("share-path", SVGPathElement);
  #link = byId("share-link", HTMLAnchorElement);
  #url;
  #headers;

  /** @param {URL} url of `api/share` @param {() => HeadersInit} headers with the token */
  constructor(url, headers) {
    this.#url = url;
    this.#headers = headers;
    this.#details.addEventListener("toggle", () => {
      if (this.#details.open) this.#ask();
    });
  }

  async #ask() {
    const url = new URL(this.#url);
    url.searchParams.set("url", location.href);
    try {
      const response = await fetch(url, {
        headers: this.#headers(),
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      this.#show(response.ok ? await response.json() : { why: (await response.text()).trim() });
    } catch {
      this.#show({ why: "The server does not answer." });
    }
  }

  /** @param {Shared} shared */
  #show({ why = "", url = "", qr = "", size = 0 }) {
    write(this.#why, why);
    this.#why.hidden = !why;
    this.#code.toggleAttribute("hidden", !qr);
    this.#code.setAttribute("viewBox", `0 0 ${size} ${size}`);
    this.#path.setAttribute("d", qr);
    this.#link.hidden = !url;
    this.#link.href = url || location.href;
    write(this.#link, url);
  }
}
