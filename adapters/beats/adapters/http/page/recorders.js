// The state of the recorders, and the buttons that start, stop and save a recording.

import { byId, write } from "./browser.js";
import { size } from "./format.js";

/** @typedef {Record<string, number>} RecorderMetrics */

/** By default a recorder flushes each second; a disk this far behind has a problem. */
const LONG_UNFLUSHED_S = 5;

/** Shows what each recorder does. */
export class Recorders {
  #record = byId("record", HTMLButtonElement);
  #recordText = byId("record-text", HTMLElement);
  #snapshot = byId("snapshot", HTMLButtonElement);
  #snapshotText = byId("snapshot-text", HTMLElement);
  #line = byId("recorders", HTMLElement);
  #isRecording = false;

  /** @param {import("./controls.js").Send} send */
  constructor(send) {
    this.#record.addEventListener("click", () => {
      const recording = !this.#isRecording;
      send("record", { recording }, recording ? "record" : "stop recording");
    });
    this.#snapshot.addEventListener("click", () => send("snapshot", {}, "snapshot"));
  }

  /** @param {import("./session.js").Facts} facts */
  show({ recorders, commands }) {
    const all = Object.values(recorders);
    const switched = all.filter((metrics) => "idle" in metrics);
    this.#record.hidden = !commands.includes("record");
    this.#isRecording = switched.some((metrics) => metrics.idle === 0);
    this.#record.classList.toggle("on", this.#isRecording);
    write(this.#recordText, this.#isRecording ? "Stop recording" : "Record");
    this.#snapshot.hidden = !commands.includes("snapshot");
    const held_s = Math.max(0, ...all.map((metrics) => metrics.held_s ?? 0));
    write(this.#snapshotText, `Save the last ${Math.round(held_s)} s`);
    write(this.#line, Object.entries(recorders).map(sentence).filter(Boolean).join(" · "));
    this.#line.classList.toggle("recording", all.some((metrics) => metrics.recording > 0));
  }

  /** @param {boolean} may whether the viewer may send commands */
  set allowed(may) {
    this.#record.disabled = !may;
    this.#snapshot.disabled = !may;
  }
}

/**
 * What a recorder does; empty if its button says so already.
 * @param {[string, RecorderMetrics]} recorder its name and metrics
 */
export function sentence([name, metrics]) {
  const { recording, idle, held_s, written_bytes_total, free_bytes, unflushed_age_s } = metrics;
  if (held_s !== undefined) return recording ? `${name} is saving ${Math.round(held_s)} s` : "";
  if (!recording) return idle ? `${name} is idle` : `${name} cannot record now`;
  const unsafe = unflushed_age_s > LONG_UNFLUSHED_S ? `, ${Math.round(unflushed_age_s)} s not on disk yet` : "";
  const free = free_bytes === undefined ? "" : `, ${size(free_bytes)} free`;
  return `${name} ${size(written_bytes_total ?? 0)}${free}${unsafe}`;
}
