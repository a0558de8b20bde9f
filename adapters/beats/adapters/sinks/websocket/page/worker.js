// The half of the page that is not on the screen: holds the connection, reads the stream, decodes pictures. It
// sends the other half one picture and one batch of news at a time, and the next only when asked, so that nothing
// piles up where nobody draws.

import { decode } from "./envelope.js";
import { Frames } from "./frames.js";
import { Gaps } from "./gaps.js";
import { Link } from "./link.js";
import { Meter } from "./meter.js";
import { now } from "./now.js";
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
 */

/** Eight times a second: as much as anybody can read. */
const BATCH_MS = 125;
const WORST_TOPICS = 20;

const bytes = new Meter();
const updates = new Updates();
const frames = new Frames((frame, bitmap) => {
  const { sequence, capturedMs } = frame;
  post({ type: "frame", sequence, capturedMs, bytes: frame.png.length, bitmap }, [bitmap]);
});
const link = new Link({ state, message });
let gaps = new Gaps();
let received = 0;
let malformed = 0;
let isVisible = true;
let mayTell = true;

/**
 * @param {object} news
 * @param {Transferable[]} transfer
 */
function post(news, transfer = []) {
  /** @type {Worker} */ (/** @type {unknown} */ (self)).postMessage(news, transfer);
}

/** @param {import("./link.js").LinkState} now */
function state(now) {
  if (now.phase === "live") {
    gaps = new Gaps();
    frames.begin();
    updates.begin();
    received = 0;
    malformed = 0;
  }
  post({ type: "link", state: now });
}

/** @param {ArrayBuffer | string} data */
function message(data) {
  const envelope = typeof data === "string" ? null : decode(data);
  received += 1;
  bytes.add(typeof data === "string" ? data.length : data.byteLength, performance.now());
  if (!envelope) {
    malformed += 1;
  } else if (envelope.kind === "frame") {
    gaps.take("frame", envelope.sequence);
    frames.take(envelope);
  } else {
    gaps.take(`peripheral/${envelope.info.id}`, envelope.sequence);
    updates.take(envelope, now());
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
  };
}

function tell() {
  if (!isVisible || !mayTell) return;
  mayTell = false;
  post({ type: "batch", totals: totals(), ...updates.batch() });
}

/** @type {Record<string, (order: any) => void>} */
const orders = {
  start: ({ url }) => link.start(url),
  stop: () => link.stop(),
  hurry: () => link.hurry(),
  doubt: () => link.doubt(),
  send: ({ text }) => link.send(text),
  watch: ({ ids }) => updates.watch(ids),
  drawn: () => frames.drawn(),
  told: () => {
    mayTell = true;
  },
  visible: ({ visible }) => {
    isVisible = visible;
    frames.visible = visible;
  },
  save: () => {
    if (frames.shown) post({ type: "png", sequence: frames.shown.sequence, png: frames.shown.png.slice() });
  },
};

self.addEventListener("message", ({ data }) => orders[data.type](data));
setInterval(tell, BATCH_MS);
