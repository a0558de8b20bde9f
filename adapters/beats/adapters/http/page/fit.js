// Where a picture goes in its area, so that each of its pixels covers whole pixels of the screen.

/** Browsers place things on a grid of 1/64 pixel. */
const GRID = 64;

/**
 * @typedef {object} Fit
 * @property {number} scale pixels of the screen for each of the picture, along one side; below 1 it is a fraction
 * @property {number} left in CSS pixels from the area's edge: a whole number of pixels of the screen
 * @property {number} top
 */

/**
 * Where it goes, in the middle: at the largest whole scale at which it fits, or as large as it can be. Smaller
 * than one to one if it must be.
 * @param {{width: number, height: number}} area in CSS pixels
 * @param {{width: number, height: number}} picture
 * @param {number} ratio pixels of the screen for each CSS pixel; need not be whole
 * @param {boolean} isWhole whether the scale must be whole
 * @returns {Fit}
 */
export function fit(area, picture, ratio, isWhole = true) {
  const most = Math.min((area.width * ratio) / picture.width, (area.height * ratio) / picture.height);
  // A length that is whole but for the rounding of a division is whole.
  const scale = most >= 1 && isWhole ? Math.floor(most + 1e-6) : Math.max(most, 0);
  return {
    scale,
    left: margin(area.width * ratio, picture.width * scale) / ratio,
    top: margin(area.height * ratio, picture.height * scale) / ratio,
  };
}

/**
 * How far it is from a place to the next whole pixel of the screen.
 * @param {number} place in CSS pixels of the window
 * @param {number} ratio
 */
export function nudge(place, ratio) {
  const here = Math.round(place * ratio * GRID) / GRID;
  return (Math.ceil(here) - here) / ratio;
}

/**
 * @param {number} room in pixels of the screen
 * @param {number} length
 */
function margin(room, length) {
  return Math.max(0, Math.floor((room - length) / 2 + 1e-6));
}
