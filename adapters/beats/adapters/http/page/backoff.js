// How long to wait before the next attempt to connect.

const LEAST_MS = 500;
const MOST_MS = 10_000;

/**
 * Doubles with each failed attempt, up to ten seconds. Half of it is chance, so that a thousand viewers of a
 * server that has restarted do not all come at once.
 * @param {number} failed attempts in a row
 * @param {number} chance from 0 to 1
 */
export function delayMs(failed, chance) {
  const whole = Math.min(MOST_MS, LEAST_MS * 2 ** failed);
  return Math.max(LEAST_MS, whole * (0.5 + 0.5 * chance));
}
