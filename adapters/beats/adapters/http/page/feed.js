// The page's side of the worker: starts it, sends it orders, receives its news.

/**
 * @typedef {object} Picture
 * @property {string} id
 * @property {number | bigint} sequence
 * @property {number} capturedMs
 * @property {ImageBitmap} bitmap
 *
 * @typedef {{id: string, sequence: number | bigint, media: string, data: Uint8Array}} PictureFile
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
 * @property {(file: PictureFile) => void} file
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
      else if (data.type === "file") on.file(data);
      else if (data.type === "receipt") on.receipt(data.receipt);
      else if (data.type === "batch") {
        on.batch(data);
        this.order("next");
      }
    });
  }

  /** Send an order; `worker.js` lists them. @param {string} type @param {object} more */
  order(type, more = {}) {
    this.#worker.postMessage({ type, ...more });
  }
}
