// Puts the page together.

import { byId, write } from "./browser.js";
import { Clock, now } from "./clock.js";
import { Controls, Receipts } from "./controls.js";
import { Feed } from "./feed.js";
import { List } from "./list.js";
import { Metrics, Sheet } from "./metrics.js";
import { Canvas, save } from "./picture.js";
import { ask, judge, NO_ANSWER, reason } from "./reasons.js";
import { Recorders } from "./recorders.js";
import { Replay } from "./replay.js";
import { Session } from "./session.js";
import { Status } from "./status.js";
import { Gate, Token } from "./token.js";
import { FullScreen, Theme } from "./view.js";

/** @typedef {import("./session.js").Answer} Answer */

const METRICS_MS = 250;
const REPLAY_MS = 50;
/** A server that neither answers requests nor sends anything for this long has stopped. */
const QUIET_MS = 2000;
/** The options of the stream (see docs/websocket.md) that the page's address may contain. */
const CHOICES = ["kinds", "topics", "max_fps", "snapshot"];

const token = new Token();
const base = new URL(".", document.baseURI);
/** The document says whether the stream needs a token. */
const isLocked = "locked" in document.documentElement.dataset;
const clock = new Clock();
const session = new Session(new URL("api/session", base), () => token.value, clock, take);
const feed = new Feed({
  link,
  batch,
  broken,
  frame: (picture) => canvas.show(picture),
  png: ({ sequence, png }) => save(sequence, png),
  receipt: (receipt) => receipts.take(receipt),
});
const status = new Status();
const metrics = new Metrics(clock);
const sheet = new Sheet(clock);
const canvas = new Canvas(byId("stage", HTMLElement), byId("canvas", HTMLCanvasElement), drawn);
const gate = new Gate(checkToken);
const receipts = new Receipts();
const controls = new Controls(send, () => gate.open("Enter the control token.", { optional: true }));
const replay = new Replay(send);
const recorders = new Recorders(send);
const list = new List((names) => feed.order("watch", { names }), ageMs);
const saveButton = byId("save", HTMLButtonElement);
const forgetButton = byId("forget", HTMLButtonElement);
let isLive = false;
/** @type {boolean | null} null: not known yet */
let mayControl = null;
let hasPicture = false;
/** Refusals in a row without a reason from the server. */
let unexplained = 0;

/** The stream's address, with `http` instead of `ws`. */
function streamUrl() {
  const url = new URL(base);
  const asked = new URLSearchParams(location.search);
  for (const name of CHOICES) {
    const value = asked.get(name);
    if (value !== null) url.searchParams.set(name, value);
  }
  if (token.value) url.searchParams.set("token", token.value);
  return url;
}

function connect() {
  forgetButton.hidden = !token.value;
  unexplained = 0;
  feed.order("start", { url: streamUrl().href.replace("http", "ws") });
}

/** @param {import("./link.js").LinkState} state */
async function link(state) {
  isLive = state.phase === "live";
  allow();
  if (state.phase === "live") {
    unexplained = 0;
    status.live();
    session.start();
  } else if (state.phase === "connecting") {
    status.connecting();
  } else {
    session.stop();
    status.waiting(state.retryInMs, state.opened ? reason(state) : "");
    if (!state.opened) await explain();
  }
}

/** Why the last attempt to connect was refused. */
async function explain() {
  const url = streamUrl();
  url.searchParams.delete("token"); // a proxy would log it
  url.searchParams.set("origin", location.origin); // a browser sends it with a handshake, but not with this request
  const bearer = token.value ? { Authorization: `Bearer ${token.value}` } : undefined;
  const answer = await ask(url, bearer);
  const isClear = answer.status === 0 || (answer.status >= 400 && answer.status !== 426);
  const ready = isClear ? NO_ANSWER : await ask(new URL("readyz", base), bearer);
  if (isLive) return;
  const refusal = judge(answer, ready, navigator.onLine);
  unexplained = isClear || ready.status !== 200 ? 0 : unexplained + 1;
  if (refusal.needsToken) lock();
  // The stream may have been full then, and have room now.
  else if (unexplained === 1) status.refused("Refused", "The connection was refused.");
  else status.refused(refusal.title, refusal.text);
}

/** The stream needs a token, or another one: ask for it. */
function lock() {
  feed.order("stop");
  status.locked();
  const isWrong = token.value !== null;
  const why = isWrong ? "The given token is wrong." : "Ask the operator of the stream for the token.";
  gate.open(why, { wrong: isWrong });
}

/** @param {string} candidate @returns {Promise<string | null>} what is wrong with it; null: nothing */
async function checkToken(candidate) {
  const answer = await session.ask(candidate);
  if (!answer.facts) {
    return answer.status === 401 ? "This token is wrong." : judge({ ...answer, moved: false }, NO_ANSWER).text;
  }
  token.value = candidate;
  take(answer);
  connect();
  return null;
}

/** Take an answer of the server. @param {Answer} answer */
function take(answer) {
  const { facts, status } = answer;
  if (!facts) {
    if (status === 0) feed.order("doubt");
    if (status === 401) mayControl = false;
    notice(status === 401 ? "The server now needs another token. This connection continues until it ends." : "");
    allow();
    return;
  }
  mayControl = facts.rights.steer;
  write(byId("profile", HTMLElement), facts.profile);
  document.title = `${facts.profile} · Beats`;
  sheet.facts = facts;
  controls.emojis = facts.emojis;
  replay.playback = facts.playback;
  metrics.isReplaying = replay.isShown;
  recorders.show(facts);
  notice(facts.failed.length ? `Not running: ${facts.failed.join(", ")}.` : "");
  allow();
}

function allow() {
  controls.allow({ live: isLive, steer: mayControl, hasToken: token.value !== null });
  replay.allowed = isLive && mayControl === true;
  recorders.allowed = isLive && mayControl === true;
}

/** @param {string} text */
function notice(text) {
  const line = byId("notice", HTMLElement);
  write(line, text);
  line.hidden = !text;
}

/**
 * Send a command to the server.
 * @param {string} command
 * @param {Record<string, unknown>} fields
 * @param {string} words describes it in the line of receipts; empty: the control itself shows the effect
 */
function send(command, fields = {}, words = "") {
  const receipt = words ? { receipt: receipts.expect(words) } : {};
  feed.order("send", { text: JSON.stringify({ kind: "control", command, ...fields, ...receipt }) });
  session.soon();
}

/** The worker failed to start. */
function broken() {
  status.refused("Broken", "This page needs a browser of 2024 or newer.");
}

/** @param {import("./feed.js").Picture} picture */
function drawn({ capturedMs }) {
  feed.order("drawn");
  metrics.drawn(capturedMs);
  status.drawn();
  if (!hasPicture) saveButton.disabled = false;
  hasPicture = true;
}

/** @param {import("./feed.js").Batch} news */
function batch(news) {
  const { quietMs, isNotable, flowed } = news.totals.quiet;
  const isQuiet = !replay.isPaused && (isNotable || (session.isUnanswered && quietMs > QUIET_MS));
  status.quiet(isQuiet ? quietMs : 0, flowed || session.isUnanswered);
  metrics.show(news.totals);
  sheet.show(news.totals, hasPicture ? canvas.size : null);
  list.take(news);
}

/**
 * How long ago an update was captured; in a replay, how long ago it arrived.
 * @param {import("./updates.js").Update} update
 */
function ageMs({ capturedMs, arrivedMs }) {
  const nowMs = now();
  const serverMs = clock.serverMs(nowMs);
  if (replay.isShown || serverMs === null || !capturedMs) return nowMs - arrivedMs;
  return Math.max(0, serverMs - capturedMs);
}

function watchVisibility() {
  const isVisible = document.visibilityState === "visible";
  feed.order("visible", { visible: isVisible });
  if (isVisible) feed.order("hurry");
  else list.pause();
}

async function begin() {
  new Theme();
  new FullScreen();
  saveButton.addEventListener("click", () => feed.order("save"));
  forgetButton.addEventListener("click", () => {
    token.value = null;
    location.reload(); // nothing that it gave access to stays
  });
  document.addEventListener("visibilitychange", watchVisibility);
  addEventListener("online", () => feed.order("hurry"));
  setInterval(() => metrics.refresh(), METRICS_MS);
  setInterval(() => replay.refresh(), REPLAY_MS);
  allow();
  watchVisibility();
  // To connect is the quickest way to learn whether the stream is available. But without a token the handshake would
  // be refused for certain, and a token that may be wrong is checked first.
  if (isLocked && !token.value) lock();
  else if (isLocked && (await session.ask()).status === 401) lock();
  else connect();
}

begin();
