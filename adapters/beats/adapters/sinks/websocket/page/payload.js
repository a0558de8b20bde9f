// What a peripheral's update says, as fields that a person can read.

import { JSON_UTF8, PROTOBUF } from "./envelope.js";
import { reading } from "./format.js";
import { BYTES, Reader } from "./reader.js";

/** @typedef {{key: string, text: string, number: number | null}} Field */

const INPUT_EVENT = "heart.peripheral.input.InputEvent";
const MOST_FIELDS = 24;
const MOST_DEPTH = 4;
/** Longer arrays, such as samples of a sound, are shown as one text. */
const MOST_ITEMS = 8;
const MOST_CHARACTERS = 160;

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * The fields of an update: nested ones as `a.b`; a number, true and false also as what can be drawn.
 * @param {import("./envelope.js").Payload} payload
 * @returns {Field[] | null} null: it cannot be read
 */
export function fields(payload) {
  try {
    return flat(value(payload));
  } catch {
    return null;
  }
}

/** @param {import("./envelope.js").Payload} payload */
function value({ bytes, encoding, type }) {
  if (encoding === JSON_UTF8) return JSON.parse(utf8.decode(bytes));
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
  return { event, timestamp, data: data ? JSON.parse(data) : null };
}

/**
 * @param {unknown} data
 * @returns {Field[]}
 */
function flat(data) {
  /** @type {Field[]} */
  const found = [];
  add(found, "", data, 0);
  return found;
}

/**
 * @param {Field[]} found
 * @param {string} key
 * @param {unknown} data
 * @param {number} depth
 */
function add(found, key, data, depth) {
  if (found.length >= MOST_FIELDS) return;
  if (!isOpen(data) || depth === MOST_DEPTH) {
    found.push({ key, text: text(data), number: number(data) });
    return;
  }
  for (const name in data) add(found, key ? `${key}.${name}` : name, data[name], depth + 1);
}

/**
 * Whether to show what is inside, not the thing itself.
 * @param {unknown} data
 * @returns {data is Record<string, unknown>}
 */
function isOpen(data) {
  if (typeof data !== "object" || data === null) return false;
  if (!Array.isArray(data)) return Object.keys(data).length > 0;
  return data.length > 0 && data.length <= MOST_ITEMS && data.every((item) => typeof item === "number");
}

/** @param {unknown} data */
function number(data) {
  if (typeof data === "number") return data;
  return typeof data === "boolean" ? Number(data) : null;
}

/** @param {unknown} data */
function text(data) {
  if (typeof data === "number") return reading(data);
  const whole = typeof data === "string" ? data : JSON.stringify(data);
  return whole.length > MOST_CHARACTERS ? `${whole.slice(0, MOST_CHARACTERS)}…` : whole;
}
