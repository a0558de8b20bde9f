// One picture: where it goes, how it is drawn, and how it is saved.

/** From this scale on, pixels of unequal size look better than blurred ones. */
const SHARP_SCALE = 2;

/** A canvas in an area. Each picture is drawn with the next animation frame. */
export class Canvas {
  #area;
  #canvas;
  #context;
  #onDrawn;
  /** @type {import("./feed.js").Picture | null} */
  #next = null;
  /** Whether the picture fills its area, at any scale. */
  #fills = false;
  /** Frames of this width were made smaller for this page: they are enlarged again, and have no pixels to show. */
  #cutWidth = 0;

  /**
   * @param {HTMLElement} area
   * @param {HTMLCanvasElement} canvas
   * @param {(picture: import("./feed.js").Picture) => void} onDrawn
   * @param {boolean} isOpaque whether transparent pixels become black, as on an LED wall
   */
  constructor(area, canvas, onDrawn, isOpaque = true) {
    this.#area = area;
    this.#canvas = canvas;
    this.#onDrawn = onDrawn;
    const context = canvas.getContext("2d", { alpha: !isOpaque });
    if (!context) throw new TypeError("this browser has no canvas");
    this.#context = context;
    new ResizeObserver(() => this.place()).observe(area);
  }

  /** The size of the last picture in pixels. */
  get size() {
    return { width: this.#canvas.width, height: this.#canvas.height };
  }

  /** Draw a picture with the next animation frame. @param {import("./feed.js").Picture} picture */
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
      this.place();
    }
    // The previous picture must not show through.
    this.#context.globalCompositeOperation = "copy";
    this.#context.drawImage(bitmap, 0, 0);
    bitmap.close();
    this.#canvas.dataset.sequence = String(picture.sequence);
    this.#onDrawn(picture);
  }

  /**
   * Place the canvas so that it is sharp on any screen: it starts at a whole pixel of the screen and has one for each
   * pixel of the picture. A transform, which is not rounded as lengths are, moves and enlarges it.
   */
  place(fills = this.#fills, cutWidth = this.#cutWidth) {
    this.#fills = fills;
    this.#cutWidth = cutWidth;
    const area = this.#area.getBoundingClientRect();
    const x = nudge(area.left, devicePixelRatio);
    const y = nudge(area.top, devicePixelRatio);
    const room = { width: area.width - x, height: area.height - y };
    const { width, height, style, dataset, classList } = this.#canvas;
    const isCut = width === cutWidth;
    const { scale, left, top } = fit(room, { width, height }, devicePixelRatio, !fills && !isCut);
    style.left = length(x);
    style.top = length(y);
    style.width = length(width / devicePixelRatio);
    style.height = length(height / devicePixelRatio);
    style.transform = `translate(${left}px, ${top}px) scale(${scale})`;
    dataset.scale = String(scale);
    classList.toggle("smooth", isCut || (scale < SHARP_SCALE && scale % 1 !== 0));
  }
}

/** Browsers round lengths down to 1/64 pixel, so add a little. @param {number} px */
function length(px) {
  return `${px + 1 / 512}px`;
}

/** Browsers place elements on a grid of 1/64 pixel. */
const GRID = 64;

/**
 * @typedef {object} Fit
 * @property {number} scale screen pixels for each pixel of the picture, along one side; may be below 1
 * @property {number} left in CSS pixels from the area's edge; a whole number of screen pixels
 * @property {number} top
 */

/**
 * Where a picture goes so that each of its pixels covers whole pixels of the screen: in the middle of its area, at the
 * largest whole scale that fits. A picture larger than its area is shrunk.
 * @param {{width: number, height: number}} area in CSS pixels
 * @param {{width: number, height: number}} picture
 * @param {number} ratio screen pixels for each CSS pixel; need not be whole
 * @param {boolean} isWhole whether the scale must be whole; if not, the picture fills its area
 * @returns {Fit}
 */
export function fit(area, picture, ratio, isWhole = true) {
  const most = Math.min((area.width * ratio) / picture.width, (area.height * ratio) / picture.height);
  // The small addition undoes the rounding error of the division.
  const scale = most >= 1 && isWhole ? Math.floor(most + 1e-6) : Math.max(most, 0);
  return {
    scale,
    left: margin(area.width * ratio, picture.width * scale) / ratio,
    top: margin(area.height * ratio, picture.height * scale) / ratio,
  };
}

/**
 * The distance from a place to the next whole pixel of the screen.
 * @param {number} place in CSS pixels of the window
 * @param {number} ratio
 */
export function nudge(place, ratio) {
  const here = Math.round(place * ratio * GRID) / GRID;
  return (Math.ceil(here) - here) / ratio;
}

/** @param {number} room in screen pixels @param {number} length */
function margin(room, length) {
  return Math.max(0, Math.floor((room - length) / 2 + 1e-6));
}

/** Save a picture as the file that was sent. @param {import("./feed.js").PictureFile} file */
export function save({ id, sequence, media, data }) {
  const url = URL.createObjectURL(new Blob([/** @type {BlobPart} */ (data)], { type: media }));
  const link = document.createElement("a");
  link.href = url;
  const name = id.replace(/[^\w.-]+/g, "_");
  const ending = media === "image/jpeg" ? "jpg" : media.replace("image/", "");
  link.download = `frame-${name ? `${name}-` : ""}${sequence}.${ending}`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // some browsers read it only after the viewer agreed
}
