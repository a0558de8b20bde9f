// Draws pictures, pixel for pixel.

import { byId } from "./dom.js";
import { fit, nudge } from "./fit.js";
import { Kept } from "./kept.js";

/** From this scale on, pixels of unequal size are better than blurred ones. */
const SHARP_SCALE = 2;
const FILLS = "fit";

/** One canvas in an area; each picture is drawn when the screen is next. */
export class Canvas {
  #area;
  #canvas;
  #context;
  #onDrawn;
  /** @type {import("./feed.js").Picture | null} */
  #next = null;
  #fill = byId("fit", HTMLButtonElement);
  #kept = new Kept("beats.scale", () => localStorage);

  /**
   * @param {HTMLElement} area
   * @param {HTMLCanvasElement} canvas
   * @param {(picture: import("./feed.js").Picture) => void} onDrawn
   */
  constructor(area, canvas, onDrawn) {
    this.#area = area;
    this.#canvas = canvas;
    this.#onDrawn = onDrawn;
    const context = canvas.getContext("2d", { alpha: false });
    if (!context) throw new TypeError("this browser has no canvas");
    this.#context = context;
    this.#fill.addEventListener("click", () => {
      this.#kept.value = this.#fills ? null : FILLS;
      this.#place();
    });
    new ResizeObserver(() => this.#place()).observe(area);
    this.#watchRatio();
  }

  /** Whether the picture is as large as can be, at any scale. */
  get #fills() {
    return this.#kept.value === FILLS;
  }

  /** The size of the last picture in its own pixels. */
  get size() {
    return { width: this.#canvas.width, height: this.#canvas.height };
  }

  /**
   * Draw a picture at the next chance. The last one must have been drawn.
   * @param {import("./feed.js").Picture} picture
   */
  show(picture) {
    this.#next?.bitmap.close();
    if (!this.#next) requestAnimationFrame(() => this.#draw());
    this.#next = picture;
  }

  #draw() {
    const picture = this.#next;
    this.#next = null;
    if (!picture) return;
    const { bitmap } = picture;
    const { width, height } = bitmap;
    if (this.#canvas.width !== width || this.#canvas.height !== height) {
      this.#canvas.width = width;
      this.#canvas.height = height;
      this.#place();
    }
    // What is transparent is dark, as on a wall of lamps; never what was there before.
    this.#context.globalCompositeOperation = "copy";
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#canvas.dataset.sequence = String(picture.sequence);
    this.#onDrawn(picture);
  }

  /**
   * Sharp on any screen: the canvas begins at a whole pixel, wherever its area does, and has one for each of the
   * picture's. A transform, which is not rounded as lengths are, brings it to its place and size.
   */
  #place() {
    const area = this.#area.getBoundingClientRect();
    const x = nudge(area.left, devicePixelRatio);
    const y = nudge(area.top, devicePixelRatio);
    const room = { width: area.width - x, height: area.height - y };
    const { width, height, style, dataset, classList } = this.#canvas;
    const { scale, left, top } = fit(room, { width, height }, devicePixelRatio, !this.#fills);
    this.#fill.setAttribute("aria-pressed", String(this.#fills));
    style.left = length(x);
    style.top = length(y);
    style.width = length(width / devicePixelRatio);
    style.height = length(height / devicePixelRatio);
    style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    dataset.scale = String(scale);
    classList.toggle("smooth", scale < SHARP_SCALE && scale % 1 !== 0);
  }

  /** A window that moves to another screen, or is zoomed, has other pixels. */
  #watchRatio() {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    const changed = () => {
      this.#place();
      this.#watchRatio();
    };
    query.addEventListener("change", changed, { once: true });
  }
}

/**
 * A length is rounded down to 1/64 pixel: a little over is on the spot, a little under is not.
 * @param {number} px
 */
function length(px) {
  return `${px + 1 / 512}px`;
}
