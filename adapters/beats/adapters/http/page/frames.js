// Decodes pictures: one at a time, and of those that wait only the newest.

/** Most pixels of a picture: 8192 x 8192 take 256 MiB when decoded. */
const MOST_PX = 2 ** 26;

/**
 * @typedef {import("./messages.js").FrameEnvelope} FrameEnvelope
 * @typedef {(png: Uint8Array) => Promise<ImageBitmap>} Decode
 */

/** Holds one undecoded picture, the newest, while another is decoded or waits to be drawn. */
export class Frames {
  /** @type {FrameEnvelope | null} the newest, not yet decoded */
  #next = null;
  /** @type {FrameEnvelope | null} the last one passed to `hand` */
  #handed = null;
  /** @type {FrameEnvelope | null} the picture on the screen */
  shown = null;
  /** Pictures that were received but never shown, because a newer one replaced them. */
  skipped = 0;
  /** Pictures that could not be decoded. */
  unreadable = 0;
  #busy = false;
  #visible = true;
  #hand;
  #decode;

  /**
   * @param {(frame: FrameEnvelope, bitmap: ImageBitmap) => void} hand takes a picture, and must call `drawn` later
   * @param {Decode} decode
   */
  constructor(hand, decode = decodePng) {
    this.#hand = hand;
    this.#decode = decode;
  }

  /** Reset the counters. */
  begin() {
    this.skipped = 0;
    this.unreadable = 0;
  }

  /** @param {FrameEnvelope} frame */
  take(frame) {
    if (this.#next) this.skipped += 1;
    this.#next = frame;
    this.#work();
  }

  /** Report that the picture passed to `hand` is on the screen. */
  drawn() {
    this.shown = this.#handed;
    this.#busy = false;
    this.#work();
  }

  /** Whether the page is visible; no picture is decoded while it is not. @param {boolean} visible */
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
        this.unreadable += 1;
        this.#busy = false;
      }
    }
  }
}

/** Decode a picture without conversion between colour spaces, so that its values stay exact. @param {Uint8Array} png */
async function decodePng(png) {
  const size = sizeOf(png);
  if (!size || size.width * size.height > MOST_PX) throw new RangeError("not a PNG file, or too large");
  const blob = new Blob([/** @type {BlobPart} */ (png)], { type: "image/png" });
  return createImageBitmap(blob, { colorSpaceConversion: "none" });
}

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Offset of the width: after the signature, a length and "IHDR". */
const WIDTH_AT = 16;

/**
 * The size in pixels from the header of a PNG file (PNG specification, section 11.2.1).
 * @param {Uint8Array} bytes
 * @returns {{width: number, height: number} | null} null: not a PNG file
 */
export function sizeOf(bytes) {
  if (bytes.length < WIDTH_AT + 8 || SIGNATURE.some((byte, index) => bytes[index] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(WIDTH_AT);
  const height = view.getUint32(WIDTH_AT + 4);
  return width && height ? { width, height } : null;
}
