// What must be known of a PNG file before it is decoded.

const SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];
/** Where the header's width begins: the signature, a length and "IHDR" come first. */
const WIDTH_AT = 16;

/**
 * Its size in pixels, from its header (PNG specification, section 11.2.1).
 * @param {Uint8Array} bytes
 * @returns {{width: number, height: number} | null} null: it is no PNG file
 */
export function sizeOf(bytes) {
  if (bytes.length < WIDTH_AT + 8 || SIGNATURE.some((byte, place) => bytes[place] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = view.getUint32(WIDTH_AT);
  const height = view.getUint32(WIDTH_AT + 4);
  return width && height ? { width, height } : null;
}
