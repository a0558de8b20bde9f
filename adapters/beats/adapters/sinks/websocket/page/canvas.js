// Draws pictures, pixel for pixel.

import { fit } from "./fit.js";

/** One canvas in an area; each picture is drawn when the screen is next. */
export class Canvas {
  #area;
  #canvas;
  #context;
  #onDrawn;
  /** @type {import("./feed.js").Picture | null} */
  #next = null;

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
    new ResizeObserver(() => this.#place()).observe(area);
    this.#watchRatio();
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

  #place() {
    const place = fit(this.#area.getBoundingClientRect(), this.size, devicePixelRatio);
    const { style, dataset, classList } = this.#canvas;
    style.left = `${place.left}px`;
    style.top = `${place.top}px`;
    style.width = `${place.width}px`;
    style.height = `${place.height}px`;
    dataset.scale = String(place.scale);
    classList.toggle("shrunk", place.scale < 1);
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
