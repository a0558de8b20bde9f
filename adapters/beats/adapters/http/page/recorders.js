// What is recorded, and the buttons of a recorder that waits to be told.

import { byId, write } from "./dom.js";
import { size } from "./format.js";

/** @typedef {Record<string, number>} RecorderFigures */

/** A recorder writes each second if not told otherwise; a disk that is so far behind is in trouble. */
const LONG_UNFLUSHED_S = 5;

/** Says what each recorder does. */
export class Recorders {
  #record = byId("record", HTMLButtonElement);
  #recordText = byId("record-text", HTMLElement);
  #snapshot = byId("snapshot", HTMLButtonElement);
  #snapshotText = byId("snapshot-text", HTMLElement);
  #line = byId("recorders", HTMLElement);
  #isRecording = false;

  /** @param {import("./drive.js").Send} send */
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
    const told = all.filter((figures) => "idle" in figures);
    this.#record.hidden = !commands.includes("record");
    this.#isRecording = told.some((figures) => figures.idle === 0);
    this.#record.classList.toggle("on", this.#isRecording);
    write(this.#recordText, this.#isRecording ? "Stop recording" : "Record");
    this.#snapshot.hidden = !commands.includes("snapshot");
    const held_s = Math.max(0, ...all.map((figures) => figures.held_s ?? 0));
    write(this.#snapshotText, `Save the last ${Math.round(held_s)} s`);
    write(this.#line, Object.entries(recorders).map(sentence).filter(Boolean).join(" · "));
    this.#line.classList.toggle("recording", all.some((figures) => figures.recording > 0));
  }

  /** @param {boolean} may whether the viewer may steer */
  set allowed(may) {
    this.#record.disabled = !may;
    this.#snapshot.disabled = !may;
  }
}

/**
 * What a recorder does; nothing when that is what a button says of it.
 * @param {[string, RecorderFigures]} recorder its name and figures
 */
export function sentence([name, figures]) {
  const { recording, idle, held_s, written_bytes_total, free_bytes, unflushed_age_s } = figures;
  if (held_s !== undefined) return recording ? `${name} writes ${Math.round(held_s)} s` : "";
  if (!recording) return idle ? `${name} waits` : `${name} cannot record now`;
  const unsafe = unflushed_age_s > LONG_UNFLUSHED_S ? `, ${Math.round(unflushed_age_s)} s not on disk yet` : "";
  const free = free_bytes === undefined ? "" : `, ${size(free_bytes)} free`;
  return `${name} ${size(written_bytes_total ?? 0)}${free}${unsafe}`;
}
