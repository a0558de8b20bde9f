// Decodes pictures, the newest alone, one at a time.

import { sizeOf } from "./png.js";

/** Most pixels of a picture: 8192 x 8192 are 256 MiB once they are decoded. */
const MOST_PX = 2 ** 26;

/**
 * @typedef {import("./envelope.js").FrameEnvelope} FrameEnvelope
 * @typedef {(png: Uint8Array) => Promise<ImageBitmap>} Decode
 */

/**
 * Between the stream and the screen: of what comes while a picture is decoded, or waits to be drawn, only the
 * newest is kept, as bytes.
 */
export class Frames {
  /** @type {FrameEnvelope | null} the newest that nobody has begun to decode */
  #next = null;
  /** @type {FrameEnvelope | null} the last that was handed over */
  #handed = null;
  /** @type {FrameEnvelope | null} the last that was drawn */
  #shown = null;
  #busy = false;
  #visible = true;
  #skipped = 0;
  #unreadable = 0;
  #hand;
  #decode;

  /**
   * @param {(frame: FrameEnvelope, bitmap: ImageBitmap) => void} hand takes a picture; must call `drawn` some time
   * @param {Decode} decode
   */
  constructor(hand, decode = decodePng) {
    this.#hand = hand;
    this.#decode = decode;
  }

  /** Pictures that came and were never shown, since a newer one was there first. */
  get skipped() {
    return this.#skipped;
  }

  /** Pictures that could not be decoded. */
  get unreadable() {
    return this.#unreadable;
  }

  /** The picture that is on the screen. */
  get shown() {
    return this.#shown;
  }

  /** Count anew. */
  begin() {
    this.#skipped = 0;
    this.#unreadable = 0;
  }

  /** @param {FrameEnvelope} frame */
  take(frame) {
    if (this.#next) this.#skipped += 1;
    this.#next = frame;
    this.#work();
  }

  /** The picture that was handed over is on the screen. */
  drawn() {
    this.#shown = this.#handed;
    this.#busy = false;
    this.#work();
  }

  /**
   * Whether anybody can see a picture; while nobody can, none is decoded.
   * @param {boolean} visible
   */
  set visible(visible) {
    this.#visible = visible;
    this.#work();
  }

  async #work() {
    while (!this.#busy && this.#visible && this.#next) {
      const frame = this.#next;
      this.#next = null;
      this.#busy = true;
      try {
        const bitmap = await this.#decode(frame.png);
        this.#handed = frame;
        this.#hand(frame, bitmap);
      } catch {
        this.#unreadable += 1;
        this.#busy = false;
      }
    }
  }
}

/**
 * Decode a picture to exactly the values that it holds: no conversion between colour spaces.
 * @param {Uint8Array} png
 */
async function decodePng(png) {
  const size = sizeOf(png);
  if (!size || size.width * size.height > MOST_PX) throw new RangeError("no PNG file, or far too large");
  const blob = new Blob([/** @type {BlobPart} */ (png)], { type: "image/png" });
  return createImageBitmap(blob, { colorSpaceConversion: "none" });
}
