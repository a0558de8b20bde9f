// The worker: holds the connection, reads the stream, decodes pictures. It sends the page one picture and one batch of
// news at a time, and the next only on request, so that nothing piles up in a page that does not draw.

import { now } from "./clock.js";
import { Frames } from "./frames.js";
import { Link } from "./link.js";
import { Gaps, Meter, Silence } from "./measures.js";
import { decode, nameOf, readReceipt } from "./messages.js";
import { Updates } from "./updates.js";

/**
 * @typedef {object} Totals of this connection
 * @property {number} received messages
 * @property {number} bytesPerSecond
 * @property {number} skipped pictures
 * @property {number} unreadable messages and pictures
 * @property {number} missed envelopes
 * @property {number} missedTopics
 * @property {[string, number][]} worst of the topics
 * @property {number} leftOut pictures that the server left out because this page asked for fewer
 * @property {import("./measures.js").Quiet} quiet
 */

/** Eight batches a second: more cannot be read. */
const BATCH_MS = 125;
const WORST_TOPICS = 20;

const bytes = new Meter();
const updates = new Updates();
const frames = new Frames((frame, bitmap) => {
  const { sequence, capturedMs } = frame;
  post({ type: "frame", sequence, capturedMs, bytes: frame.png.length, bitmap }, [bitmap]);
});
const link = new Link({ state, message });
const silence = new Silence();
let gaps = new Gaps();
/** Gaps in the pictures, if this page asked for fewer (`max_fps`); these are no losses. */
let leftOut = new Gaps();
let wantsFewer = false;
let received = 0;
let malformed = 0;
let isVisible = true;
let maySend = true;

/** @param {object} news @param {Transferable[]} transfer */
function post(news, transfer = []) {
  /** @type {Worker} */ (/** @type {unknown} */ (self)).postMessage(news, transfer);
}

/** @param {import("./link.js").LinkState} now */
function state(now) {
  if (now.phase === "live") {
    gaps = new Gaps();
    leftOut = new Gaps();
    silence.begin(performance.now());
    frames.begin();
    updates.begin();
    received = 0;
    malformed = 0;
  }
  post({ type: "link", state: now });
}

/** @param {ArrayBuffer | string} data */
function message(data) {
  const nowMs = performance.now();
  const receipt = typeof data === "string" ? readReceipt(data) : null;
  if (receipt) {
    post({ type: "receipt", receipt });
    return;
  }
  const envelope = typeof data === "string" ? null : decode(data);
  received += 1;
  bytes.add(typeof data === "string" ? data.length : data.byteLength, nowMs);
  silence.note(nowMs, envelope?.kind === "frame");
  if (!envelope) {
    malformed += 1;
  } else if (envelope.kind === "frame") {
    (wantsFewer ? leftOut : gaps).take("frame", envelope.sequence);
    frames.take(envelope);
  } else if (envelope.kind === "peripheral") {
    const name = nameOf(envelope.info, envelope.payload);
    gaps.take(`peripheral/${name}`, envelope.sequence);
    updates.take(name, envelope, now());
  }
}

/** @returns {Totals} */
function totals() {
  return {
    received,
    bytesPerSecond: bytes.perSecond(performance.now()),
    skipped: frames.skipped,
    unreadable: malformed + frames.unreadable,
    missed: gaps.total,
    missedTopics: gaps.topics,
    worst: gaps.worst(WORST_TOPICS),
    leftOut: leftOut.total,
    quiet: silence.at(performance.now()),
  };
}

function sendBatch() {
  if (!isVisible || !maySend) return;
  maySend = false;
  post({ type: "batch", totals: totals(), ...updates.batch() });
}

/** @type {Record<string, (order: any) => void>} */
const orders = {
  /** Connect, and reconnect whenever the connection ends. */
  start: ({ url }) => {
    wantsFewer = new URL(url).searchParams.has("max_fps");
    link.start(url);
  },
  stop: () => link.stop(),
  /** If the link waits to reconnect, do so now. */
  hurry: () => link.hurry(),
  /** The server did not answer a request. */
  doubt: () => link.doubt(),
  send: ({ text }) => link.send(text),
  /** Send the updates of these peripherals. */
  watch: ({ names }) => updates.watch(names),
  /** The last picture is on the screen. */
  drawn: () => frames.drawn(),
  /** The page has taken the last batch. */
  next: () => {
    maySend = true;
  },
  visible: ({ visible }) => {
    isVisible = visible;
    frames.visible = visible;
  },
  /** Send the file of the picture on the screen. */
  save: () => {
    if (frames.shown) post({ type: "png", sequence: frames.shown.sequence, png: frames.shown.png.slice() });
  },
};

self.addEventListener("message", ({ data }) => orders[data.type](data));
setInterval(sendBatch, BATCH_MS);
