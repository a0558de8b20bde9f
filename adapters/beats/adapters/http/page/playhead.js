// Where a replay is between two answers of the server.

/** Goes on at the replay's speed from where the server said it was. */
export class Playhead {
  /** @type {import("./session.js").Playback} */
  #playback = { position_s: 0, duration_s: 0, speed: 1, paused: true, loops: 0 };
  #atMs = 0;

  /**
   * @param {import("./session.js").Playback} playback
   * @param {number} nowMs when it was said
   */
  set(playback, nowMs) {
    this.#playback = playback;
    this.#atMs = nowMs;
  }

  /** Seconds from beginning to end. */
  get duration_s() {
    return this.#playback.duration_s;
  }

  /**
   * Seconds from the beginning. Nobody knows where it is at full speed but the server.
   * @param {number} nowMs
   */
  position_s(nowMs) {
    const { position_s, duration_s, speed, paused } = this.#playback;
    const pace = paused || speed === "max" ? 0 : speed;
    return Math.min(duration_s, Math.max(0, position_s + ((nowMs - this.#atMs) / 1000) * pace));
  }
}
