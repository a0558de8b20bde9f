// The page's side of the worker: starts it, sends it orders, receives its news.

/**
 * @typedef {object} Picture
 * @property {number | bigint} sequence
 * @property {number} capturedMs
 * @property {number} bytes
 * @property {ImageBitmap} bitmap
 *
 * @typedef {object} Batch
 * @property {import("./worker.js").Totals} totals
 * @property {boolean} began whether a connection has begun since the last batch
 * @property {number} unlisted updates of peripherals that exceed the limit
 * @property {import("./updates.js").Found[]} found new or changed peripherals
 * @property {import("./updates.js").Update[]} updates
 *
 * @typedef {object} FeedListener
 * @property {(state: import("./link.js").LinkState) => void} link
 * @property {(picture: Picture) => void} frame must call `drawn` later
 * @property {(batch: Batch) => void} batch
 * @property {(png: {sequence: number | bigint, png: Uint8Array}) => void} png
 * @property {(receipt: import("./messages.js").Receipt) => void} receipt
 * @property {() => void} broken the worker failed to start: the browser is too old
 */

/** The worker's script. The document loads it too, so the browser has it already. */
const SCRIPT = new URL("stream.js", /** @type {HTMLScriptElement} */ (document.currentScript).src).href;
// With `require-trusted-types-for` in the Content Security Policy, a script's address must come from a policy.
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("beats", {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== SCRIPT) throw new TypeError(`${url} is not the worker's script`);
    return url;
  },
});

/** Sends orders to the worker, and passes its news to a listener. */
export class Feed {
  #worker;

  /** @param {FeedListener} on */
  constructor(on) {
    this.#worker = new Worker(policy?.createScriptURL(SCRIPT) ?? SCRIPT, { name: "feed" });
    this.#worker.addEventListener("error", on.broken);
    this.#worker.addEventListener("message", ({ data }) => {
      if (data.type === "link") on.link(data.state);
      else if (data.type === "frame") on.frame(data);
      else if (data.type === "png") on.png(data);
      else if (data.type === "receipt") on.receipt(data.receipt);
      else if (data.type === "batch") {
        on.batch(data);
        this.#order("told");
      }
    });
  }

  /** Connect, and reconnect whenever the connection ends. @param {string} url */
  start(url) {
    this.#order("start", { url });
  }

  /** Disconnect, and stay disconnected. */
  stop() {
    this.#order("stop");
  }

  /** If it waits to reconnect, do so now. */
  hurry() {
    this.#order("hurry");
  }

  /** Report that the server did not answer a request. */
  doubt() {
    this.#order("doubt");
  }

  /** Report that the picture is on the screen. */
  drawn() {
    this.#order("drawn");
  }

  /** Whether the page is visible. @param {boolean} visible */
  set visible(visible) {
    this.#order("visible", { visible });
  }

  /** Choose the peripherals whose updates are sent. @param {string[]} names */
  watch(names) {
    this.#order("watch", { names });
  }

  /** Ask for the file of the picture that is shown. */
  save() {
    this.#order("save");
  }

  /** Send a command to the server. @param {string} command @param {Record<string, unknown>} fields */
  send(command, fields = {}) {
    this.#order("send", { text: JSON.stringify({ kind: "control", command, ...fields }) });
  }

  /** @param {string} type @param {object} more */
  #order(type, more = {}) {
    this.#worker.postMessage({ type, ...more });
  }
}
