// One message of the stream: StreamEnvelope of streaming.proto.

import { BYTES, FIXED64, Reader, VARINT } from "./reader.js";

export const JSON_UTF8 = 1;
export const PROTOBUF = 2;

/**
 * @typedef {{name: string, variant: string, metadata: [string, string][]}} Tag
 * @typedef {{x: number, y: number, z: number, time: string}} Location
 * @typedef {{id: string, tags: Tag[], location: Location | null}} Info its id may be empty, see `topic.js`
 * @typedef {{bytes: Uint8Array, encoding: number, type: string}} Payload
 *
 * @typedef {object} FrameEnvelope
 * @property {"frame"} kind
 * @property {number | bigint} sequence place within its topic, from 1; 0 when the server does not say
 * @property {number} capturedMs since 1970-01-01 UTC; 0 when the server does not say
 * @property {Uint8Array} png
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
 * Read one message. What it holds are views into `data`, not copies. Of a field that comes twice the last
 * counts; those that are not known are passed over.
 * @param {ArrayBuffer} data
 * @returns {Envelope | null} null: it is no message of the stream
 */
export function decode(data) {
  try {
    return envelope(new Reader(new Uint8Array(data)));
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/**
 * @param {Reader} reader
 * @returns {Envelope | null}
 */
function envelope(reader) {
  /** @type {Uint8Array | null} */
  let png = null;
  let update = null;
  /** @type {number | bigint} */
  let sequence = 0;
  let capturedMs = 0;
  while (reader.next()) {
    if (reader.is(1, BYTES)) {
      png = frame(new Reader(reader.bytes()));
      update = null; // they are a oneof: one excludes the other
    } else if (reader.is(2, BYTES)) {
      update = peripheral(new Reader(reader.bytes()));
      png = null;
    } else if (reader.is(100, VARINT)) sequence = reader.varint();
    else if (reader.is(101, FIXED64)) capturedMs = reader.nanosecondsAsMs();
    else reader.skip();
  }
  if (png) return { kind: "frame", sequence, capturedMs, png };
  return update && { kind: "peripheral", sequence, capturedMs, ...update };
}

/** @param {Reader} reader */
function frame(reader) {
  /** @type {Uint8Array} */
  let png = EMPTY;
  while (reader.next()) {
    if (reader.is(1, BYTES)) png = reader.bytes();
    else reader.skip();
  }
  return png;
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

/**
 * @param {Reader} reader
 * @returns {Info}
 */
function peripheralInfo(reader) {
  let id = "";
  /** @type {Tag[]} */
  const tags = [];
  let place = null;
  while (reader.next()) {
    if (reader.is(1, BYTES)) id = reader.string();
    else if (reader.is(2, BYTES)) tags.push(tag(new Reader(reader.bytes())));
    else if (reader.is(3, BYTES)) place = location(new Reader(reader.bytes()));
    else reader.skip();
  }
  return { id, tags, location: place };
}

/**
 * @param {Reader} reader
 * @returns {Tag}
 */
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

/**
 * One pair of a map, which travels as a message of two fields.
 * @param {Reader} reader
 * @returns {[string, string]}
 */
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

/**
 * @param {Reader} reader
 * @returns {Location}
 */
function location(reader) {
  const place = { x: 0, y: 0, z: 0, time: "" };
  while (reader.next()) {
    if (reader.is(1, FIXED64)) place.x = reader.double();
    else if (reader.is(2, FIXED64)) place.y = reader.double();
    else if (reader.is(3, FIXED64)) place.z = reader.double();
    else if (reader.is(4, BYTES)) place.time = reader.string();
    else reader.skip();
  }
  return place;
}
