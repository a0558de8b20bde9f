// Why a connection ended or was refused, in words.

/**
 * @typedef {object} PlainAnswer to a plain request
 * @property {number} status 0: no answer
 * @property {string} text one sentence in plain text; empty if something else came
 * @property {boolean} moved whether another address answered
 *
 * @typedef {object} Refusal
 * @property {boolean} needsToken
 * @property {string} title
 * @property {string} text
 */

/** Close codes (RFC 6455, section 7.4, and its registry), as this server uses them. */
const CODES = new Map([
  [1000, "The server ended the stream."],
  [1001, "The server stopped or restarts."],
  [1006, "The connection was lost."],
  [1008, "The server closed the connection"],
  [1011, "Something failed in the server."],
  [1012, "The server restarts."],
  [1013, "This page was too slow for the stream and was disconnected."],
]);

/** Why an open connection ended. @param {import("./link.js").LinkState} state of phase `waiting` */
export function reason({ code, reason: said }) {
  const meaning = CODES.get(code) ?? `The connection ended with code ${code}.`;
  return code === 1008 ? `${meaning}: ${said || "policy"}.` : meaning;
}

const ANSWER_MS = 5000;
/** A longer text does not come from this server. */
const MOST_CHARACTERS = 400;

/** @type {PlainAnswer} */
export const NO_ANSWER = { status: 0, text: "", moved: false };

/**
 * Ask an address for a plain answer: a browser does not tell a page why its handshake was refused.
 * @param {URL} url
 * @param {HeadersInit} headers
 * @returns {Promise<PlainAnswer>}
 */
export async function ask(url, headers = {}) {
  try {
    const response = await fetch(url, {
      headers: { ...headers, Accept: "text/plain" },
      cache: "no-store",
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { status, redirected } = response;
    const isText = response.headers.get("Content-Type")?.startsWith("text/plain") ?? false;
    const text = isText ? (await response.text()).trim() : "";
    return { status, text: text.length <= MOST_CHARACTERS ? text : "", moved: redirected };
  } catch {
    return NO_ANSWER;
  }
}

/**
 * The meaning of a refusal.
 * @param {PlainAnswer} answer of the stream's address
 * @param {PlainAnswer} ready of `readyz`, which says whether one more viewer can connect
 * @param {boolean} isOnline whether this machine has a network
 * @returns {Refusal}
 */
export function judge(answer, ready, isOnline = true) {
  const { status, text } = answer;
  if (status === 0) {
    const where = isOnline ? "The server cannot be reached." : "This device has no network.";
    return refusal("Server away", where);
  }
  if (status === 401) return { ...refusal("Token needed", text), needsToken: true };
  if (status === 400) return refusal("Wrong address", `This page has an invalid query: ${text || "status 400"}`);
  if (status === 403) return refusal("Not allowed", text || "A proxy refused this page (status 403).");
  if (status === 429) return refusal("Too many", text || "There are too many viewers from this address (status 429).");
  if (status === 503 && text) return refusal("Stream full", `The stream is full. ${text}`);
  if ([502, 503, 504].includes(status)) {
    return refusal("Server away", `A proxy answers, but the server behind it does not (status ${status}).`);
  }
  if (answer.moved) return refusal("Moved", "The server redirects this page, perhaps to sign in: reload it.");
  if (status >= 400 && status !== 426) return refusal("Refused", text || `The server answered with status ${status}.`);
  if (ready.status === 503) return refusal("Stream full", "The stream is full: it has reached its limit of viewers.");
  return refusal(
    "No WebSocket",
    "The server would accept this page, but something in between does not forward WebSocket connections: a proxy " +
      "must forward the headers Upgrade and Connection.",
  );
}

/** @param {string} title @param {string} text @returns {Refusal} */
function refusal(title, text) {
  return { needsToken: false, title, text };
}
