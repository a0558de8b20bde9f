// Small drawings of how a number changed lately.

const MARGIN = 2;
let colour = "";

/** Read the colour again, because the page's colours changed. */
export function recolour() {
  colour = "";
}

/**
 * Draw the values of a history, the newest at the right edge, each as a stroke from its lowest to its highest.
 * @param {HTMLCanvasElement} canvas
 * @param {History} history
 */
export function draw(canvas, history) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = sized(canvas);
  context.clearRect(0, 0, width, height);
  const range = history.range();
  if (!range) return;
  colour ||= getComputedStyle(canvas).color;
  context.strokeStyle = colour;
  context.lineWidth = devicePixelRatio * 1.25;
  context.lineJoin = "round";
  const span = range.high - range.low;
  const y = (/** @type {number} */ value) =>
    span === 0 ? height / 2 : height - MARGIN - ((value - range.low) / span) * (height - 2 * MARGIN);
  context.beginPath();
  for (let ago = KEPT - 1, isDown = false; ago >= 0; ago -= 1) {
    const low = history.low(ago);
    const x = width - MARGIN - (ago / (KEPT - 1)) * (width - 2 * MARGIN);
    if (Number.isNaN(low)) {
      isDown = false;
      continue;
    }
    if (isDown) context.lineTo(x, y(history.high(ago)));
    else context.moveTo(x, y(history.high(ago)));
    context.lineTo(x, y(low));
    isDown = true;
  }
  context.stroke();
}

/** Give the canvas as many pixels as it covers on the screen. @param {HTMLCanvasElement} canvas */
function sized(canvas) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return { width, height };
}

/** Number of values: half a minute at eight a second. */
const KEPT = 240;

/** The last values of a number: the lowest and highest of each batch, NaN where there was none. */
export class History {
  #low = new Float32Array(KEPT).fill(Number.NaN);
  #high = new Float32Array(KEPT).fill(Number.NaN);
  #next = 0;

  /** @param {number} low @param {number} high */
  push(low, high) {
    this.#low[this.#next] = low;
    this.#high[this.#next] = high;
    this.#next = (this.#next + 1) % KEPT;
  }

  /** The lowest value this many batches ago; 0 is the last. @param {number} ago */
  low(ago) {
    return this.#low[(this.#next - 1 - ago + 2 * KEPT) % KEPT];
  }

  /** The highest value. @param {number} ago */
  high(ago) {
    return this.#high[(this.#next - 1 - ago + 2 * KEPT) % KEPT];
  }

  /** The lowest and the highest of all values; null: there is none. */
  range() {
    let low = Number.POSITIVE_INFINITY;
    let high = Number.NEGATIVE_INFINITY;
    for (let place = 0; place < KEPT; place += 1) {
      if (this.#low[place] < low) low = this.#low[place];
      if (this.#high[place] > high) high = this.#high[place];
    }
    return low <= high ? { low, high } : null;
  }
}
