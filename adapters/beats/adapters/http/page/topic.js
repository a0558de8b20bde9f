// What a peripheral without an id is told apart by.

import { PROTOBUF } from "./envelope.js";

/**
 * The name of a peripheral within its topic, which is `peripheral/` and this: its id, or a label made of its tags
 * and the type of its payload.
 * @param {import("./envelope.js").Info} info
 * @param {import("./envelope.js").Payload} payload
 */
export function nameOf({ id, tags }, { encoding, type }) {
  if (id) return id;
  const parts = tags.map(({ name, variant }) => (variant ? `${escape(name)}:${escape(variant)}` : escape(name)));
  if (encoding === PROTOBUF && type) parts.push(type);
  return `(${parts.join(", ")})`;
}

/**
 * What a name is shown as.
 * @param {string} name
 */
export function shown(name) {
  return name === "()" ? "no id" : name;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[\\,:()]/g, "\\$&");
}
