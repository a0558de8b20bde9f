// Decodes pictures: of each one frame at a time, and of those that wait only the newest.

import { PNG } from "./messages.js";

/** Most pixels of a picture: 8192 x 8192 take 256 MiB when decoded. */
const MOST_PX = 2 ** 26;

/**
 * @typedef {import("./messages.js").FrameEnvelope} FrameEnvelope
 * @typedef {(frame: FrameEnvelope) => Promise<ImageBitmap>} Decode
 * @typedef {(frame: FrameEnvelope, bitmap: ImageBitmap) => void} Hand takes a frame, and must call `drawn` later
 */

/** Most pictures that are shown. */
const MOST_PICTURES = 64;

/** All pictures, by their ids. */
export class Pictures {
  /** @type {Map<string, Frames>} */
  #all = new Map();
  #hand;
  #visible = true;
  /** @type {string | null} */
  #only = null;

  /** @param {Hand} hand */
  constructor(hand) {
    this.#hand = hand;
  }

  /** Reset the counters. */
  begin() {
    for (const frames of this.#all.values()) frames.begin();
  }

  /** @param {FrameEnvelope} frame */
  take(frame) {
    const isShown = (this.#only ?? frame.id) === frame.id;
    let frames = this.#all.get(frame.id);
    if (!frames) {
      if (this.#all.size === MOST_PICTURES) return;
      frames = new Frames(this.#hand);
      this.#all.set(frame.id, frames);
      this.#show(frame.id, frames);
    }
    frames.take(frame, isShown);
  }

  /** Forget a picture, until it comes again. @param {string} id */
  forget(id) {
    this.#all.delete(id);
  }

  /** Report that the last frame of a picture is on the screen. @param {string} id */
  drawn(id) {
    this.#all.get(id)?.drawn();
  }

  /** The frame of a picture that is on the screen. @param {string} id */
  shown(id) {
    return this.#all.get(id)?.shown;
  }

  /** The sum of one counter of all pictures. @param {"skipped" | "unreadable"} name */
  sum(name) {
    return [...this.#all.values()].reduce((sum, frames) => sum + frames[name], 0);
  }

  /** Whether the page is visible; no picture is decoded while it is not. @param {boolean} visible */
  set visible(visible) {
    this.#visible = visible;
    this.#all.forEach((frames, id) => this.#show(id, frames));
  }

  /** Decode this picture only. @param {string | null} id null: all */
  set only(id) {
    this.#only = id;
    this.#all.forEach((frames, each) => this.#show(each, frames));
  }

  /** @param {string} id @param {Frames} frames */
  #show(id, frames) {
    frames.visible = this.#visible && (this.#only ?? id) === id;
  }
}

/** One picture: holds one undecoded frame, the newest, while another is decoded or waits to be drawn. */
export class Frames {
  /** @type {FrameEnvelope | null} the newest, not yet decoded */
  #next = null;
  /** @type {FrameEnvelope | null} the last one passed to `hand` */
  #handed = null;
  /** @type {FrameEnvelope | null} the picture on the screen */
  shown = null;
  /** Frames that were received but never shown, because a newer one replaced them. */
  skipped = 0;
  /** Pictures that could not be decoded. */
  unreadable = 0;
  #busy = false;
  #visible = true;
  #hand;
  #decode;

  /** @param {Hand} hand @param {Decode} decode */
  constructor(hand, decode = decodeFile) {
    this.#hand = hand;
    this.#decode = decode;
  }

  /** Reset the counters. */
  begin() {
    this.skipped = 0;
    this.unreadable = 0;
  }

  /** @param {FrameEnvelope} frame @param {boolean} isShown whether it counts if it is replaced */
  take(frame, isShown = true) {
    if (this.#next && isShown) this.skipped += 1;
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
        const bitmap = await this.#decode(frame);
        this.#handed = frame;
        this.#hand(frame, bitmap);
      } catch {
        this.unreadable += 1;
        this.#busy = false;
      }
    }
  }
}

/** Decode a frame without conversion between colour spaces, so that its values stay exact. @param {FrameEnvelope} frame */
async function decodeFile({ type, data, width, height }) {
  const size = type === PNG ? sizeOf(data) : { width, height }; // the server has read the headers of other files
  if (!size || size.width * size.height > MOST_PX) throw new RangeError("not a PNG file, or too large");
  const blob = new Blob([/** @type {BlobPart} */ (data)], { type });
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
