// Decodes envelopes with the page's decoder: reads one envelope per line in hex, writes one line of JSON for each.

import { createInterface } from "node:readline";
import { decode } from "../../adapters/beats/adapters/http/page/messages.js";
import { fields } from "../../adapters/beats/adapters/http/page/payload.js";

/** @param {string} hex */
function describe(hex) {
  const { buffer, byteOffset, byteLength } = Buffer.from(hex, "hex");
  const envelope = decode(buffer.slice(byteOffset, byteOffset + byteLength));
  if (!envelope) return null;
  const { sequence, capturedMs } = envelope;
  const common = { kind: envelope.kind, sequence: String(sequence), captured_ms: capturedMs };
  if (envelope.kind === "frame") {
    const { id, type, data, width, height } = envelope;
    return { ...common, id, type, data: Buffer.from(data).toString("hex"), width, height };
  }
  const { info, payload } = envelope;
  const { bytes, encoding, type } = payload;
  const said = { payload: Buffer.from(bytes).toString("hex"), encoding, type };
  return { ...common, info, ...said, fields: fields(payload) };
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(describe(line), (_, value) => (Number.isNaN(value) ? "NaN" : value)));
}
