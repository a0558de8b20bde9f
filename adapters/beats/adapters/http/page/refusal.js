// Finds out why a connection was refused, which a browser does not tell: asks the same address for a plain answer.

/**
 * @typedef {object} Answer to a plain request
 * @property {number} status 0: there was none
 * @property {string} text one sentence in plain text; empty when something else came
 * @property {boolean} moved whether another address answered
 *
 * @typedef {object} Refusal
 * @property {boolean} needsToken
 * @property {string} title
 * @property {string} text
 */

const ANSWER_MS = 5000;
/** What is longer than this is no sentence of the server's. */
const MOST_CHARACTERS = 400;

/** @type {Answer} */
export const NO_ANSWER = { status: 0, text: "", moved: false };

/**
 * Ask an address for a plain answer.
 * @param {URL} url
 * @param {HeadersInit} headers
 * @returns {Promise<Answer>}
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
 * What a refusal means.
 * @param {Answer} answer of the stream's own address
 * @param {Answer} ready of the address that tells whether one more viewer can be let in
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
  if (status === 400) return refusal("Wrong address", `This page was opened with a wrong query: ${text || "status 400"}`);
  if (status === 403) return refusal("Not allowed", text || "A proxy does not let this page in (status 403).");
  if (status === 429) return refusal("Too many", text || "There are too many viewers at this address (status 429).");
  if (status === 503 && text) return refusal("Stream full", `The stream is full. ${text}`);
  if ([502, 503, 504].includes(status)) {
    return refusal("Server away", `A proxy answers, but not the server behind it (status ${status}).`);
  }
  if (answer.moved) return refusal("Moved", "The server sends this page elsewhere, perhaps to sign in: load it again.");
  if (status >= 400 && status !== 426) return refusal("Refused", text || `The server answered with status ${status}.`);
  if (ready.status === 503) return refusal("Stream full", "The stream is full: it has as many viewers as it may have.");
  return refusal(
    "No WebSocket",
    "The server would let this page in, but what is between does not pass on WebSocket connections: a proxy must " +
      "hand on the headers Upgrade and Connection.",
  );
}

/**
 * @param {string} title
 * @param {string} text
 * @returns {Refusal}
 */
function refusal(title, text) {
  return { needsToken: false, title, text };
}
