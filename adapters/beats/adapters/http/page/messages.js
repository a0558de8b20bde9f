// What the server sends: envelopes, which are StreamEnvelope of streaming.proto, and receipts of commands.

import { BYTES, FIXED64, Reader, VARINT } from "./protobuf.js";

export const JSON_UTF8 = 1;
export const PROTOBUF = 2;
export const PNG = "image/png";

/**
 * @typedef {{name: string, variant: string, metadata: [string, string][]}} Tag
 * @typedef {{x: number, y: number, z: number, time: string}} Location
 * @typedef {{id: string, tags: Tag[], location: Location | null}} Info its id may be empty, see `nameOf`
 * @typedef {{bytes: Uint8Array, encoding: number, type: string}} Payload
 *
 * @typedef {object} FrameEnvelope
 * @property {"frame"} kind
 * @property {number | bigint} sequence from 1 within its topic; 0: not given
 * @property {number} capturedMs since 1970-01-01 UTC; 0: not given
 * @property {string} id of the picture; empty: the main one
 * @property {string} type the media type of `data`
 * @property {Uint8Array} data a whole file
 * @property {number} width in pixels; 0: not given
 * @property {number} height
 *
 * @typedef {object} PeripheralEnvelope
 * @property {"peripheral"} kind
 * @property {number | bigint} sequence
 * @property {number} capturedMs
 * @property {Info} info
 * @property {Payload} payload
 *
 * @typedef {FrameEnvelope | PeripheralEnvelope} Envelope
 */

const EMPTY = new Uint8Array();

/**
 * Decode one message. Bytes in the result are views into `data`, not copies. If a field occurs twice, the last one
 * counts. Unknown fields are skipped.
 * @param {ArrayBuffer} data
 * @returns {Envelope | null} null: not a message of the stream
 */
export function decode(data) {
  try {
    return envelope(new Reader(new Uint8Array(data)));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** @param {Reader} reader @returns {Envelope | null} */
function envelope(reader) {
  let picture = null;
  let update = null;
  /** @type {number | bigint} */
  let sequence = 0;
  let capturedMs = 0;
  while (reader.next()) {
    if (reader.is(1, BYTES)) {
      picture = frame(new Reader(reader.bytes()));
      update = null; // a oneof: one excludes the other
    } else if (reader.is(2, BYTES)) {
      update = peripheral(new Reader(reader.bytes()));
      picture = null;
    } else if (reader.is(100, VARINT)) sequence = reader.varint();
    else if (reader.is(101, FIXED64)) capturedMs = reader.nanosecondsAsMs();
    else reader.skip();
  }
  if (picture) return { kind: "frame", sequence, capturedMs, ...picture };
  return update && { kind: "peripheral", sequence, capturedMs, ...update };
}

/** @param {Reader} reader */
function frame(reader) {
  /** @type {Uint8Array} */
  let png = EMPTY;
  /** @type {Uint8Array} */
  let other = EMPTY;
  let id = "";
  let type = "";
  let width = 0;
  let height = 0;
  while (reader.next()) {
    if (reader.is(1, BYTES)) png = reader.bytes();
    else if (reader.is(100, BYTES)) id = reader.string();
    else if (reader.is(101, BYTES)) type = reader.string();
    else if (reader.is(102, BYTES)) other = reader.bytes();
    else if (reader.is(103, VARINT)) width = Number(reader.varint());
    else if (reader.is(104, VARINT)) height = Number(reader.varint());
    else reader.skip();
  }
  return { id, type: type || PNG, data: type ? other : png, width, height };
}

/** @param {Reader} reader */
function peripheral(reader) {
  /** @type {Info} */
  let info = { id: "", tags: [], location: null };
  /** @type {Payload} */
  const payload = { bytes: EMPTY, encoding: 0, type: "" };
  while (reader.next()) {
    if (reader.is(1, BYTES)) info = peripheralInfo(new Reader(reader.bytes()));
    else if (reader.is(2, BYTES)) payload.bytes = reader.bytes();
    else if (reader.is(3, VARINT)) payload.encoding = Number(reader.varint());
    else if (reader.is(4, BYTES)) payload.type = reader.string();
    else reader.skip();
  }
  return { info, payload };
}

/** @param {Reader} reader @returns {Info} */
function peripheralInfo(reader) {
  let id = "";
  /** @type {Tag[]} */
  const tags = [];
  let where = null;
  while (reader.next()) {
    if (reader.is(1, BYTES)) id = reader.string();
    else if (reader.is(2, BYTES)) tags.push(tag(new Reader(reader.bytes())));
    else if (reader.is(3, BYTES)) where = location(new Reader(reader.bytes()));
    else reader.skip();
  }
  return { id, tags, location: where };
}

/** @param {Reader} reader @returns {Tag} */
function tag(reader) {
  let name = "";
  let variant = "";
  /** @type {Map<string, string>} */
  const metadata = new Map();
  while (reader.next()) {
    if (reader.is(1, BYTES)) name = reader.string();
    else if (reader.is(2, BYTES)) variant = reader.string();
    else if (reader.is(3, BYTES)) metadata.set(...entry(new Reader(reader.bytes())));
    else reader.skip();
  }
  return { name, variant, metadata: [...metadata] };
}

/** One entry of a map, encoded as a message with two fields. @param {Reader} reader @returns {[string, string]} */
function entry(reader) {
  let key = "";
  let value = "";
  while (reader.next()) {
    if (reader.is(1, BYTES)) key = reader.string();
    else if (reader.is(2, BYTES)) value = reader.string();
    else reader.skip();
  }
  return [key, value];
}

/** @param {Reader} reader @returns {Location} */
function location(reader) {
  const where = { x: 0, y: 0, z: 0, time: "" };
  while (reader.next()) {
    if (reader.is(1, FIXED64)) where.x = reader.double();
    else if (reader.is(2, FIXED64)) where.y = reader.double();
    else if (reader.is(3, FIXED64)) where.z = reader.double();
    else if (reader.is(4, BYTES)) where.time = reader.string();
    else reader.skip();
  }
  return where;
}

/**
 * The name of a peripheral, which is its topic without `peripheral/`: its id, or without one a label made of its tags
 * and its payload type.
 * @param {Info} info
 * @param {Payload} payload
 */
export function nameOf({ id, tags }, { encoding, type }) {
  if (id) return id;
  const parts = tags.map(({ name, variant }) => (variant ? `${escape(name)}:${escape(variant)}` : escape(name)));
  if (encoding === PROTOBUF && type) parts.push(type);
  return `(${parts.join(", ")})`;
}

/** The text that the page shows for a name. @param {string} name */
export function shown(name) {
  return name === "()" ? "no id" : name;
}

/** @param {string} text */
function escape(text) {
  return text.replace(/[\\,:()]/g, "\\$&");
}

/**
 * @typedef {object} Receipt
 * @property {number} receipt the number of the command
 * @property {boolean} taken
 * @property {string} error why it was not taken; empty if it was
 */

/** Read a text message from the server. @param {string} text @returns {Receipt | null} null: not a receipt */
export function readReceipt(text) {
  try {
    const { kind, receipt, taken, error } = JSON.parse(text);
    if (kind !== "receipt" || typeof receipt !== "number" || typeof taken !== "boolean") return null;
    return { receipt, taken, error: typeof error === "string" ? error : "" };
  } catch {
    return null;
  }
}
