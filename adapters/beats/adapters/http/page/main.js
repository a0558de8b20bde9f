// Puts the page together.

import { Canvas } from "./canvas.js";
import { Clock } from "./clock.js";
import { byId, write } from "./dom.js";
import { Drive } from "./drive.js";
import { Feed } from "./feed.js";
import { Figures } from "./figures.js";
import { FullScreen } from "./fullscreen.js";
import { Gate } from "./gate.js";
import { List } from "./list.js";
import { now } from "./now.js";
import { Receipts } from "./receipts.js";
import { Recorders } from "./recorders.js";
import { ask, judge, NO_ANSWER } from "./refusal.js";
import { Replay } from "./replay.js";
import { save } from "./save.js";
import { Session } from "./session.js";
import { Sheet } from "./sheet.js";
import { reason, Status } from "./status.js";
import { Theme } from "./theme.js";
import { Token } from "./token.js";

/** @typedef {import("./session.js").Answer} Answer */

const FIGURES_MS = 250;
const REPLAY_MS = 50;
/** A server that does not answer, and sends nothing for so long either, has stopped. */
const QUIET_MS = 2000;
/** What a viewer may ask for (see the README) can stand in the page's address, too. */
const CHOICES = ["kinds", "topics", "max_fps", "snapshot"];

const token = new Token();
const base = new URL(".", document.baseURI);
/** The document tells whether the stream needs a token. */
const isLocked = "locked" in document.documentElement.dataset;
const clock = new Clock();
const session = new Session(new URL("api/session", base), () => token.value, clock, hear);
const png = (/** @type {{sequence: number | bigint, png: Uint8Array}} */ file) => save(file.sequence, file.png);
const feed = new Feed({ link, frame, batch, broken, png, receipt: (receipt) => receipts.take(receipt) });
const status = new Status();
const figures = new Figures(clock);
const sheet = new Sheet(clock);
const canvas = new Canvas(byId("stage", HTMLElement), byId("canvas", HTMLCanvasElement), drawn);
const gate = new Gate(checkToken);
const receipts = new Receipts();
const drive = new Drive(send, () => gate.open("Enter the control token.", { optional: true }));
const replay = new Replay(send);
const recorders = new Recorders(send);
const list = new List((names) => feed.watch(names), ageMs);
const saveButton = byId("save", HTMLButtonElement);
const forgetButton = byId("forget", HTMLButtonElement);
let isLive = false;
/** @type {boolean | null} null: the server has not told yet */
let maySteer = null;
let hasPicture = false;
/** Refusals in a row for which the server gives no reason. */
let puzzles = 0;

/** The stream's address, but for `ws` in place of `http`. */
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
  puzzles = 0;
  feed.start(streamUrl().href.replace("http", "ws"));
}

/** @param {import("./link.js").LinkState} state */
async function link(state) {
  isLive = state.phase === "live";
  allow();
  if (state.phase === "live") {
    puzzles = 0;
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
  url.searchParams.delete("token"); // a proxy would write it down
  url.searchParams.set("origin", location.origin); // which a browser sends with a handshake, and not here
  const bearer = token.value ? { Authorization: `Bearer ${token.value}` } : undefined;
  const answer = await ask(url, bearer);
  const isClear = answer.status === 0 || (answer.status >= 400 && answer.status !== 426);
  const ready = isClear ? NO_ANSWER : await ask(new URL("readyz", base), bearer);
  if (isLive) return;
  const refusal = judge(answer, ready, navigator.onLine);
  puzzles = isClear || ready.status !== 200 ? 0 : puzzles + 1;
  if (refusal.needsToken) lock();
  // There may have been no room when it was refused, and be some by now.
  else if (puzzles === 1) status.refused("Refused", "The connection was refused.");
  else status.refused(refusal.title, refusal.text);
}

/** Nothing comes without a token, or without the right one. */
function lock() {
  feed.stop();
  status.locked();
  const isWrong = token.value !== null;
  gate.open(isWrong ? "The token that was given is not the right one." : "Ask the operator of the stream for it.", { wrong: isWrong });
}

/**
 * @param {string} candidate
 * @returns {Promise<string | null>} what is wrong with it
 */
async function checkToken(candidate) {
  const answer = await session.ask(candidate);
  if (!answer.facts) {
    return answer.status === 401 ? "That is not the token." : judge({ ...answer, moved: false }, NO_ANSWER).text;
  }
  token.value = candidate;
  hear(answer);
  connect();
  return null;
}

/**
 * What the server has told.
 * @param {Answer} answer
 */
function hear(answer) {
  const { facts } = answer;
  if (!facts) {
    if (answer.status === 0) feed.doubt();
    notice(answer.status === 401 ? "The server asks for another token now; the stream goes on until it ends." : "");
    if (answer.status === 401) maySteer = false;
    allow();
    return;
  }
  maySteer = facts.rights.steer;
  write(byId("profile", HTMLElement), facts.profile);
  document.title = `${facts.profile} · Beats`;
  sheet.facts = facts;
  drive.emojis = facts.emojis;
  replay.playback = facts.playback;
  figures.replaying = replay.isShown;
  recorders.show(facts);
  notice(facts.failed.length ? `Not running: ${facts.failed.join(", ")}.` : "");
  allow();
}

function allow() {
  drive.allow({ live: isLive, steer: maySteer, hasToken: token.value !== null });
  replay.allowed = isLive && maySteer === true;
  recorders.allowed = isLive && maySteer === true;
}

/** @param {string} text */
function notice(text) {
  const line = byId("notice", HTMLElement);
  write(line, text);
  line.hidden = !text;
}

/**
 * @param {string} command
 * @param {Record<string, unknown>} fields
 * @param {string} words what to tell of it; empty: its effect is seen where it was given
 */
function send(command, fields = {}, words = "") {
  feed.send(command, words ? { ...fields, receipt: receipts.expect(words) } : fields);
  session.soon();
}

/** The half of the page that reads the stream has failed. */
function broken() {
  status.refused("Broken", "This page does not work in this browser: it needs one of 2024 or newer.");
}

/** @param {import("./feed.js").Picture} picture */
function frame(picture) {
  canvas.show(picture);
}

/** @param {import("./feed.js").Picture} picture */
function drawn({ capturedMs }) {
  feed.drawn();
  figures.drawn(capturedMs);
  status.drawn();
  if (!hasPicture) saveButton.disabled = false;
  hasPicture = true;
}

/** @param {import("./feed.js").Batch} news */
function batch(news) {
  const { quietMs, isNotable, flowed } = news.totals.quiet;
  const isQuiet = !replay.isPaused && (isNotable || (session.isDeaf && quietMs > QUIET_MS));
  status.quiet(isQuiet ? quietMs : 0, flowed || session.isDeaf);
  figures.show(news.totals);
  sheet.show(news.totals, hasPicture ? canvas.size : null);
  list.take(news);
}

/**
 * How long ago something was captured; of a recording, how long ago it came.
 * @param {import("./updates.js").Update} update
 */
function ageMs({ capturedMs, arrivedMs }) {
  const nowMs = now();
  const serverMs = clock.serverMs(nowMs);
  if (replay.isShown || serverMs === null || !capturedMs) return nowMs - arrivedMs;
  return Math.max(0, serverMs - capturedMs);
}

function look() {
  const isVisible = document.visibilityState === "visible";
  feed.visible = isVisible;
  if (isVisible) feed.hurry();
  else list.pause();
}

async function begin() {
  new Theme();
  new FullScreen();
  saveButton.addEventListener("click", () => feed.save());
  forgetButton.addEventListener("click", () => {
    token.value = null;
    location.reload(); // nothing of what it let see stays
  });
  document.addEventListener("visibilitychange", look);
  addEventListener("online", () => feed.hurry());
  setInterval(() => figures.refresh(), FIGURES_MS);
  setInterval(() => replay.refresh(), REPLAY_MS);
  allow();
  look();
  // Whether the stream can be had is seen quickest by connecting. Only what would be refused for certain, and
  // what may be a wrong token, is not presented there.
  if (isLocked && !token.value) lock();
  else if (isLocked && (await session.ask()).status === 401) lock();
  else connect();
}

begin();
