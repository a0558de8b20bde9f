// Puts the page together.

import { CHOICES, fault, QUALITIES, topicOf } from "./address.js";
import { byId, write } from "./browser.js";
import { Clock, now } from "./clock.js";
import { Controls, Receipts } from "./controls.js";
import { Feed } from "./feed.js";
import { Grid } from "./grid.js";
import { List } from "./list.js";
import { Metrics, Sheet } from "./metrics.js";
import { save } from "./picture.js";
import { canShowAvif, options, Quality } from "./quality.js";
import { ask, judge, NO_ANSWER, reason } from "./reasons.js";
import { Recorders } from "./recorders.js";
import { Replay } from "./replay.js";
import { Session } from "./session.js";
import { Share } from "./share.js";
import { Status } from "./status.js";
import { Gate, Token } from "./token.js";
import { closeSheets, FullScreen, greet, Theme } from "./view.js";

/** @typedef {import("./session.js").Answer} Answer */

const METRICS_MS = 250;
const REPLAY_MS = 50;
const JUDGE_MS = 1000;
/** A window that is being resized asks for pictures of its new size after this time. */
const RESIZED_MS = 1000;
/** A server that neither answers requests nor sends anything for this long has stopped. */
const QUIET_MS = 2000;
/** After this time the page asks for an enlarged picture alone: a person who looks at one after another gets them all. */
const NARROW_MS = 5000;
/** In a page with nothing but a picture that does not come, how often the server is asked why. */
const MISSING_MS = 4000;

const token = new Token();
const base = new URL(".", document.baseURI);
const asked = new URLSearchParams(location.search);
/** Whether the page shows one picture and nothing else (docs/websocket.md). */
const isAlone = asked.get("view") === "picture";
const isTransparent = isAlone && asked.get("background") === "transparent";
if (isAlone) document.documentElement.dataset.view = isTransparent ? "transparent" : "picture";
/** The document says whether the stream needs a token. */
const isLocked = "locked" in document.documentElement.dataset;
const clock = new Clock();
const session = new Session(new URL("api/session", base), () => token.value, clock, take);
const feed = new Feed({
  link,
  batch,
  broken,
  frame: (picture) => grid.show(picture),
  file: save,
  receipt: (receipt) => receipts.take(receipt),
});
const status = new Status();
const metrics = new Metrics();
const sheet = new Sheet(clock);
const grid = new Grid(clock, { alone: isAlone ? (asked.get("picture") ?? "") : null, isOpaque: !isTransparent }, drawn, shown);
const quality = new Quality(
  QUALITIES.some((name) => asked.has(name)),
  chosen,
);
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
let hasAvif = false;
/** What the stream was asked for. */
let askedFor = "";
/** Whether the server refused to make smaller pictures. */
let isPlain = false;
let resized = 0;
/** The picture that alone is seen; null: all are. @type {string | null} */
let seen = null;
/** The same, since a while. @type {string | null} */
let narrowed = null;
let narrowing = 0;
/** Counters when the last second began; null: they say nothing. @type {import("./worker.js").Totals | null} */
let counted = null;
/** @type {import("./worker.js").Totals | null} */
let totals = null;
/** Refusals in a row without a reason from the server. */
let unexplained = 0;

/** The stream's address, with `http` instead of `ws`. */
function streamUrl() {
  const url = new URL(base);
  const given = CHOICES.filter((name) => asked.has(name)).map((name) => [name, asked.get(name) ?? ""]);
  const own = QUALITIES.some((name) => asked.has(name)) ? {} : options(isPlain ? 0 : quality.level, grid.widthPx, hasAvif);
  const topics = onlyAsked() === null ? "*" : `${topicOf(onlyAsked() ?? "")}${isAlone ? "" : ",peripheral/*"}`;
  const choice = { ...(isAlone && { kinds: "frame" }), topics, ...own, ...Object.fromEntries(given) };
  for (const [name, value] of Object.entries(choice)) url.searchParams.set(name, value);
  if (token.value) url.searchParams.set("token", token.value);
  return url;
}

/** The only picture to ask for; null: ask for all. On a slow line the page asks only for the one that it shows. */
function onlyAsked() {
  return isAlone || quality.level > 0 ? grid.only : narrowed;
}

function connect() {
  forgetButton.hidden = !token.value;
  unexplained = 0;
  request("start");
}

/** A person has chosen what to ask for. */
function chosen() {
  isPlain = false;
  change();
}

/** Ask for what fits now, without a pause. */
function change() {
  if (askedFor && askedFor !== streamUrl().href) request("change");
}

/** @param {"start" | "change"} order */
function request(order) {
  const url = streamUrl();
  askedFor = url.href;
  grid.cutWidth = Number(url.searchParams.get("max_width"));
  quality.settle();
  counted = null;
  feed.order(order, { url: askedFor.replace("http", "ws"), only: onlyAsked() });
}

/** Other pictures are shown, or in another size. @param {string[]} gone */
function shown(gone) {
  for (const id of gone) feed.order("forget", { id });
  feed.order("only", { id: grid.only });
  allow();
  clearTimeout(resized);
  resized = setTimeout(change, RESIZED_MS);
  if (grid.only === seen) return;
  seen = grid.only;
  if (narrowed !== null) {
    narrowed = null;
    if (quality.level === 0) change();
  }
  clearTimeout(narrowing);
  narrowing = setTimeout(() => {
    narrowed = seen;
    change();
  }, NARROW_MS);
}

/** Say why there is no picture, in a page that shows nothing else. */
async function tellMissing() {
  if (!isLive || grid.selected.pace.isDrawn) return;
  const url = new URL("frame.jpg", base);
  if (grid.only) url.searchParams.set("picture", grid.only);
  status.missing((await ask(url, bearer())).text);
}

/** @returns {Record<string, string>} the token, as a header */
function bearer() {
  return token.value ? { Authorization: `Bearer ${token.value}` } : {};
}

/** Judge what came in the last second. */
function judgeSecond() {
  if (totals && counted) {
    const frames = totals.frames - counted.frames;
    const lost = totals.lostFrames - counted.lostFrames;
    if (quality.take({ frames, lost, ageMs: replay.isShown ? Number.NaN : grid.ageMs })) change();
  }
  counted = isLive && document.visibilityState === "visible" ? totals : null;
}

/** @param {import("./link.js").LinkState} state */
async function link(state) {
  isLive = state.phase === "live";
  allow();
  if (state.phase === "live") {
    unexplained = 0;
    status.live();
    grid.begin();
    quality.begin();
    counted = null;
    totals = null;
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
  const answer = await ask(url, bearer());
  const isClear = answer.status === 0 || (answer.status >= 400 && answer.status !== 426);
  const ready = isClear ? NO_ANSWER : await ask(new URL("readyz", base), bearer());
  if (isLive) return;
  if (answer.status === 503 && quality.level > 0 && !isPlain) {
    isPlain = true; // perhaps it encodes as many variants as it may; then it takes a viewer of the originals
    request("start");
    return;
  }
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
  askedFor = "";
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

/** @param {{id: string}} tile */
function drawn({ id }) {
  feed.order("drawn", { id });
  status.drawn();
  saveButton.disabled = false;
}

/** @param {import("./feed.js").Batch} news */
function batch(news) {
  const { quietMs, isNotable, flowed } = news.totals.quiet;
  const isQuiet = !replay.isPaused && (isNotable || (session.isUnanswered && quietMs > QUIET_MS));
  status.quiet(isQuiet ? quietMs : 0, flowed || session.isUnanswered);
  metrics.show(news.totals);
  totals = news.totals;
  sheet.show(news.totals, grid.sizeText);
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
  closeSheets();
  if (!isAlone) greet();
  new FullScreen();
  new Share(new URL("api/share", base), bearer);
  saveButton.addEventListener("click", () => feed.order("save", { id: grid.selected.id }));
  forgetButton.addEventListener("click", () => {
    token.value = null;
    location.reload(); // nothing that it gave access to stays
  });
  document.addEventListener("visibilitychange", watchVisibility);
  // A person who turns to the page wants to see it now.
  for (const event of ["online", "focus"]) addEventListener(event, () => feed.order("hurry"));
  setInterval(() => {
    metrics.refresh(grid.selected.pace);
    grid.refresh();
  }, METRICS_MS);
  setInterval(judgeSecond, JUDGE_MS);
  setInterval(() => replay.refresh(), REPLAY_MS);
  allow();
  watchVisibility();
  const wrong = fault(asked);
  if (wrong) {
    status.refused("Wrong address", `This page has an invalid query: ${wrong}`);
    return;
  }
  if (isAlone) {
    feed.order("only", { id: grid.only });
    setInterval(tellMissing, MISSING_MS);
  }
  hasAvif = await canShowAvif();
  // To connect is the quickest way to learn whether the stream is available. But without a token the handshake would
  // be refused for certain, and a token that may be wrong is checked first.
  if (isLocked && !token.value) lock();
  else if (isLocked && (await session.ask()).status === 401) lock();
  else connect();
}

begin();
