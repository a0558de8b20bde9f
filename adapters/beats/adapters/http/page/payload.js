// The payload of a peripheral's update as readable fields.

import { reading } from "./format.js";
import { JSON_UTF8, PROTOBUF } from "./messages.js";
import { BYTES, Reader } from "./protobuf.js";

/** @typedef {{key: string, text: string, number: number | null}} Field */

const INPUT_EVENT = "heart.peripheral.input.InputEvent";
const MOST_FIELDS = 24;
const MOST_DEPTH = 4;
/** Longer arrays, such as audio samples, are shown as one text. */
const MOST_ITEMS = 8;
const MOST_CHARACTERS = 160;

const utf8 = new TextDecoder("utf-8", { fatal: true });
/** Matches, in JSON, strings, and integers with more digits than a double holds exactly. */
const TEXT_OR_LONG = /"(?:[^"\\]|\\.)*"|(?<![\d.eE+-])-?[1-9]\d{15,}(?![\d.eE])/g;
/** Marks such an integer, turned into a string so that the parser does not round it: a private-use character. */
const MARK = "\ue000";
const MARKED = /^\ue000-?\d+$/;

/**
 * The fields of an update, nested ones named `a.b`. Numbers and booleans also have a number to draw.
 * @param {import("./messages.js").Payload} payload
 * @returns {Field[] | null} null: unreadable
 */
export function fields(payload) {
  try {
    return flat(value(payload));
  } catch {
    return null;
  }
}

/** @param {import("./messages.js").Payload} payload */
function value({ bytes, encoding, type }) {
  if (encoding === JSON_UTF8) return parse(utf8.decode(bytes));
  if (encoding !== PROTOBUF) throw new RangeError(`encoding ${encoding}`);
  if (type === INPUT_EVENT) return inputEvent(new Reader(bytes));
  return `${type}, ${bytes.length} bytes`;
}

/** @param {Reader} reader */
function inputEvent(reader) {
  let event = "";
  let timestamp = "";
  let data = "";
  while (reader.next()) {
    if (reader.is(1, BYTES)) event = reader.string();
    else if (reader.is(2, BYTES)) timestamp = reader.string();
    else if (reader.is(3, BYTES)) data = utf8.decode(reader.bytes());
    else reader.skip();
  }
  return { event, timestamp, data: data ? parse(data) : null };
}

/** Parse JSON with long integers as `bigint`, because a number would be rounded. @param {string} json */
function parse(json) {
  if (!/\d{16}/.test(json)) return JSON.parse(json);
  const marked = json.replace(TEXT_OR_LONG, (found) => (found[0] === '"' ? found : `"${MARK}${found}"`));
  return JSON.parse(marked, (_, value) =>
    typeof value === "string" && MARKED.test(value) ? BigInt(value.slice(MARK.length)) : value,
  );
}

/** @param {unknown} data @returns {Field[]} */
function flat(data) {
  /** @type {Field[]} */
  const found = [];
  add(found, "", data, 0);
  return found;
}

/** @param {Field[]} found @param {string} key @param {unknown} data @param {number} depth */
function add(found, key, data, depth) {
  if (found.length >= MOST_FIELDS) return;
  if (!isOpen(data) || depth === MOST_DEPTH) {
    found.push({ key, text: text(data), number: number(data) });
    return;
  }
  for (const name in data) add(found, key ? `${key}.${name}` : name, data[name], depth + 1);
}

/**
 * Whether to show the fields inside rather than the value as one text.
 * @param {unknown} data
 * @returns {data is Record<string, unknown>}
 */
function isOpen(data) {
  if (typeof data !== "object" || data === null) return false;
  if (!Array.isArray(data)) return Object.keys(data).length > 0;
  return data.length > 0 && data.length <= MOST_ITEMS && data.every(isNumber);
}

/** @param {unknown} data */
function isNumber(data) {
  return typeof data === "number" || typeof data === "bigint";
}

/** @param {unknown} data */
function number(data) {
  return isNumber(data) || typeof data === "boolean" ? Number(data) : null;
}

/** @param {unknown} data */
function text(data) {
  if (typeof data === "number") return reading(data);
  const whole = typeof data === "string" ? data : json(data);
  return whole.length > MOST_CHARACTERS ? `${whole.slice(0, MOST_CHARACTERS)}…` : whole;
}

/** @param {unknown} data */
function json(data) {
  const marked = JSON.stringify(data, (_, value) => (typeof value === "bigint" ? `${MARK}${value}` : value));
  return marked.replace(/"\ue000(-?\d+)"/g, "$1");
}
