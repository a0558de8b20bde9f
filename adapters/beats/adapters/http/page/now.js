// This machine's clock.

/**
 * Milliseconds since 1970 as this machine had it when the page was opened. It only goes forward, at the same
 * pace in the page and in its worker.
 */
export function now() {
  return performance.timeOrigin + performance.now();
}
