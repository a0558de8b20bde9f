// Where a picture goes in its area, so that each of its pixels covers whole pixels of the screen.

/**
 * @typedef {object} Fit
 * @property {number} scale pixels of the screen for each of the picture, along one side; below 1 it is a fraction
 * @property {number} left in CSS pixels from the area's edge
 * @property {number} top
 * @property {number} width in CSS pixels
 * @property {number} height
 */

/**
 * The largest whole scale at which the picture fits, centred; smaller than one to one if it must be.
 * @param {{left: number, top: number, width: number, height: number}} area in CSS pixels of the window
 * @param {{width: number, height: number}} picture
 * @param {number} ratio pixels of the screen for each CSS pixel; need not be whole
 * @returns {Fit}
 */
export function fit(area, picture, ratio) {
  const most = Math.min((area.width * ratio) / picture.width, (area.height * ratio) / picture.height);
  // A length that is whole but for the rounding of a division is whole.
  const scale = most >= 1 ? Math.floor(most + 1e-6) : Math.max(most, 0);
  const width = (picture.width * scale) / ratio;
  const height = (picture.height * scale) / ratio;
  return {
    scale,
    left: edge(area.left, (area.width - width) / 2, ratio),
    top: edge(area.top, (area.height - height) / 2, ratio),
    width,
    height,
  };
}

/**
 * The distance from an area's edge, which may lie anywhere, to an edge between two pixels of the screen.
 * @param {number} origin
 * @param {number} distance
 * @param {number} ratio
 */
function edge(origin, distance, ratio) {
  return Math.floor((origin + Math.max(0, distance)) * ratio + 1e-6) / ratio - origin;
}
