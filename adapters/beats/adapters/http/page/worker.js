// The worker: holds the connection, reads the stream, decodes pictures. It sends the page one picture and one batch of
// news at a time, and the next only on request, so that nothing piles up in a page that does not draw.

import { now } from "./clock.js";
import { Pictures } from "./frames.js";
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
 * @property {number} frames received
 * @property {number} lostFrames which are not among those that this page asked to leave out
 * @property {number} missed envelopes
 * @property {number} missedTopics
 * @property {[string, number][]} worst of the topics
 * @property {number} leftOut pictures that the server left out because this page asked for fewer
 * @property {import("./measures.js").Quiet} quiet
 */

/** Once a second it tells the server which frame is on the screen. */
const DRAWN_MS = 1000;
/** Eight batches a second: more cannot be read. */
const BATCH_MS = 125;
const WORST_TOPICS = 20;

const bytes = new Meter();
const updates = new Updates();
const pictures = new Pictures(({ id, sequence, capturedMs }, bitmap) => {
  post({ type: "frame", id, sequence, capturedMs, bitmap }, [bitmap]);
});
const link = new Link({ state, message });
const silence = new Silence();
let gaps = new Gaps();
/** Gaps in the pictures, if this page asked for fewer (`max_fps`); these are no losses. */
let leftOut = new Gaps();
let wantsFewer = false;
/** The only picture that this page asked for; null: it asked for all. @type {string | null} */
let only = null;
let received = 0;
let frames = 0;
let lostFrames = 0;
let malformed = 0;
let toldMs = -DRAWN_MS;
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
    pictures.begin();
    updates.begin();
    toldMs = -DRAWN_MS;
    received = 0;
    frames = 0;
    lostFrames = 0;
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
    frames += 1;
    const missed = gaps.total;
    (wantsFewer ? leftOut : gaps).take(topicOf(envelope.id), envelope.sequence);
    lostFrames += gaps.total - missed;
    pictures.take(envelope);
  } else {
    const name = nameOf(envelope.info, envelope.payload);
    gaps.take(`peripheral/${name}`, envelope.sequence);
    updates.take(name, envelope, now());
  }
}

/** @param {string} id */
function topicOf(id) {
  return id ? `frame/${id}` : "frame";
}

/** Tell the server what is on the screen, from time to time: it shows how old that is. @param {string} id */
function tellDrawn(id) {
  const nowMs = performance.now();
  const frame = pictures.shown(id);
  if (!frame || nowMs - toldMs < DRAWN_MS) return;
  toldMs = nowMs;
  // By hand, since JSON.stringify takes no large integers.
  link.send(`{"kind":"drawn","topic":${JSON.stringify(topicOf(id))},"sequence":${frame.sequence}}`);
}

/** @returns {Totals} */
function totals() {
  return {
    received,
    bytesPerSecond: bytes.perSecond(performance.now()),
    skipped: pictures.sum("skipped"),
    unreadable: malformed + pictures.sum("unreadable"),
    frames,
    lostFrames,
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
  start: ({ url, only: id }) => {
    wantsFewer = new URL(url).searchParams.has("max_fps");
    only = id;
    link.start(url);
  },
  /** Go on at another address, without a pause if it accepts this page. */
  change: ({ url, only: id }) => {
    // The pictures that were not asked for have not been missed.
    if (only !== null && only !== id) for (const each of [gaps, leftOut]) each.skip("frame", topicOf(only));
    only = id;
    link.change(url);
  },
  stop: () => link.stop(),
  /** If the link waits to reconnect, do so now. */
  hurry: () => link.hurry(),
  /** The server did not answer a request. */
  doubt: () => link.doubt(),
  send: ({ text }) => link.send(text),
  /** Send the updates of these peripherals. */
  watch: ({ names }) => updates.watch(names),
  /** The last frame of a picture is on the screen. */
  drawn: ({ id }) => {
    pictures.drawn(id);
    tellDrawn(id);
  },
  /** This picture is not shown any more. */
  forget: ({ id }) => pictures.forget(id),
  /** Only this picture is shown; null: all are. */
  only: ({ id }) => {
    pictures.only = id;
  },
  /** The page has taken the last batch. */
  next: () => {
    maySend = true;
  },
  visible: ({ visible }) => {
    isVisible = visible;
    pictures.visible = visible;
  },
  /** Send the file of a picture on the screen. */
  save: ({ id }) => {
    const frame = pictures.shown(id);
    if (frame) post({ type: "file", id, sequence: frame.sequence, media: frame.type, data: frame.data.slice() });
  },
};

self.addEventListener("message", ({ data }) => orders[data.type](data));
setInterval(sendBatch, BATCH_MS);
