// The worker, as the rest of the page sees it.

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
 * @property {number} unlisted updates of peripherals beyond those that can be kept
 * @property {import("./updates.js").Found[]} found peripherals that are new, or have changed
 * @property {import("./updates.js").Update[]} updates
 *
 * @typedef {object} Listener
 * @property {(state: import("./link.js").LinkState) => void} link
 * @property {(picture: Picture) => void} frame must call `drawn` some time
 * @property {(batch: Batch) => void} batch
 * @property {(png: {sequence: number | bigint, png: Uint8Array}) => void} png
 * @property {(receipt: import("./receipt.js").Receipt) => void} receipt
 * @property {() => void} broken the worker does not work: the browser does not know what it is made of
 */

/** The script that the worker is made of. The document has it, too, so it is there already. */
const SCRIPT = new URL("stream.js", /** @type {HTMLScriptElement} */ (document.currentScript).src).href;
// A page that demands trusted types (Content Security Policy) takes the address of a script from a policy alone.
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy("beats", {
  createScriptURL: (/** @type {string} */ url) => {
    if (url !== SCRIPT) throw new TypeError(`${url} is not the script of the worker`);
    return url;
  },
});

/** Gives orders to the worker, and passes on what it tells. */
export class Feed {
  #worker;

  /** @param {Listener} on */
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

  /**
   * Connect, for ever.
   * @param {string} url
   */
  start(url) {
    this.#order("start", { url });
  }

  /** Connect no more. */
  stop() {
    this.#order("stop");
  }

  /** Try to connect now, if it waits. */
  hurry() {
    this.#order("hurry");
  }

  /** The server did not answer a request. */
  doubt() {
    this.#order("doubt");
  }

  /** The picture is on the screen. */
  drawn() {
    this.#order("drawn");
  }

  /**
   * Whether anybody can see the page.
   * @param {boolean} visible
   */
  set visible(visible) {
    this.#order("visible", { visible });
  }

  /**
   * Read these peripherals.
   * @param {string[]} names
   */
  watch(names) {
    this.#order("watch", { names });
  }

  /** Ask for the file of the picture that is shown. */
  save() {
    this.#order("save");
  }

  /**
   * Tell the server a command.
   * @param {string} command
   * @param {Record<string, unknown>} fields
   */
  send(command, fields = {}) {
    this.#order("send", { text: JSON.stringify({ kind: "control", command, ...fields }) });
  }

  /**
   * @param {string} type
   * @param {object} more
   */
  #order(type, more = {}) {
    this.#worker.postMessage({ type, ...more });
  }
}
