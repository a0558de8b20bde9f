// Reads the protobuf wire format: https://protobuf.dev/programming-guides/encoding/. The bytes are not trusted: each
// step is checked, and any input gives a value or a RangeError.

export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
const GROUP = 3;
const END_GROUP = 4;
const FIXED32 = 5;

const MOST_VARINT_BYTES = 10;
/** Nested groups, a deprecated feature. */
const MOST_DEPTH = 32;

const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A position in one message. */
export class Reader {
  #bytes;
  #view;
  #at = 0;
  #field = 0;
  #type = 0;

  /** @param {Uint8Array} bytes exactly one message */
  constructor(bytes) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Move to the next field; false at the end. */
  next() {
    if (this.#at === this.#bytes.length) return false;
    const tag = this.varint();
    if (typeof tag === "bigint" || tag >= 2 ** 32) throw new RangeError("a tag of more than 32 bits");
    this.#type = tag & 7;
    this.#field = tag >>> 3;
    if (this.#field === 0) throw new RangeError("field number 0");
    return true;
  }

  /**
   * Whether `next` found this field. With another wire type it is another, unknown field.
   * @param {number} field
   * @param {number} type
   */
  is(field, type) {
    return this.#field === field && this.#type === type;
  }

  /** An unsigned integer of up to 64 bits. @returns {number | bigint} a bigint only if a number would not be exact */
  varint() {
    let low = 0; // the lower 28 bits
    let high = 0; // all above them
    for (let place = 0; place < MOST_VARINT_BYTES; place += 1) {
      const byte = this.#byte();
      if (place < 4) low += (byte & 0x7f) * 2 ** (7 * place);
      else high += (byte & 0x7f) * 2 ** (7 * (place - 4));
      if (byte < 0x80) {
        if (high < 2 ** 25) return high * 2 ** 28 + low;
        return BigInt.asUintN(64, (BigInt(high) << 28n) + BigInt(low));
      }
    }
    throw new RangeError("a varint of more than ten bytes");
  }

  /**
   * A signed 64-bit number of nanoseconds as milliseconds. A double holds current times to within a quarter of a
   * microsecond.
   */
  nanosecondsAsMs() {
    const at = this.#advance(8);
    return (this.#view.getInt32(at + 4, true) * 2 ** 32 + this.#view.getUint32(at, true)) / 1e6;
  }

  /** A 64-bit floating-point number. */
  double() {
    return this.#view.getFloat64(this.#advance(8), true);
  }

  /** Length-prefixed bytes: a view, not a copy. */
  bytes() {
    const length = this.varint();
    if (typeof length === "bigint") throw new RangeError("longer than the message");
    const at = this.#advance(length);
    return this.#bytes.subarray(at, at + length);
  }

  /** Text in UTF-8. */
  string() {
    try {
      return text.decode(this.bytes());
    } catch (error) {
      throw new RangeError("text that is not UTF-8", { cause: error });
    }
  }

  /** Skip the field that `next` found. */
  skip() {
    this.#skip(this.#type, 0);
  }

  /** @param {number} type @param {number} depth */
  #skip(type, depth) {
    if (type === VARINT) this.varint();
    else if (type === FIXED64) this.#advance(8);
    else if (type === FIXED32) this.#advance(4);
    else if (type === BYTES) this.bytes();
    else if (type === GROUP && depth < MOST_DEPTH) this.#skipGroup(depth);
    else throw new RangeError(`wire type ${type} where a field starts`);
  }

  /** @param {number} depth */
  #skipGroup(depth) {
    const group = this.#field;
    while (this.next()) {
      if (this.#type === END_GROUP) {
        if (this.#field !== group) break;
        return;
      }
      this.#skip(this.#type, depth + 1);
    }
    throw new RangeError("a group without its end");
  }

  #byte() {
    return this.#bytes[this.#advance(1)];
  }

  /**
   * Advance by this many bytes, all of which must be there.
   * @param {number} count
   * @returns {number} where they start
   */
  #advance(count) {
    const at = this.#at;
    if (count > this.#bytes.length - at) throw new RangeError("ends in the middle of a field");
    this.#at = at + count;
    return at;
  }
}
