// A small drawing of what a number did lately.

import { KEPT } from "./ring.js";

const MARGIN = 2;
let colour = "";

/** The colours of the page have changed. */
export function recolour() {
  colour = "";
}

/**
 * Draw a ring's values, the newest at the right edge; for each moment from the lowest to the highest.
 * @param {HTMLCanvasElement} canvas
 * @param {import("./ring.js").Ring} ring
 */
export function draw(canvas, ring) {
  const context = canvas.getContext("2d");
  if (!context) return;
  const { width, height } = sized(canvas);
  context.clearRect(0, 0, width, height);
  const range = ring.range();
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
    const low = ring.low(ago);
    const x = width - MARGIN - (ago / (KEPT - 1)) * (width - 2 * MARGIN);
    if (Number.isNaN(low)) {
      isDown = false;
      continue;
    }
    if (isDown) context.lineTo(x, y(ring.high(ago)));
    else context.moveTo(x, y(ring.high(ago)));
    context.lineTo(x, y(low));
    isDown = true;
  }
  context.stroke();
}

/**
 * Give the canvas as many pixels as it covers on the screen.
 * @param {HTMLCanvasElement} canvas
 */
function sized(canvas) {
  const width = Math.round(canvas.clientWidth * devicePixelRatio);
  const height = Math.round(canvas.clientHeight * devicePixelRatio);
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  return { width, height };
}
