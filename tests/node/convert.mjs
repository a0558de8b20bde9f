// Decode or encode without a server, one message a line.
//
//   node convert.mjs decode    lines of hex in, lines of JSON out; {"error": …} for what cannot be read
//   node convert.mjs encode    lines of JSON in, lines of hex out

import { createInterface } from "node:readline";
import { describe, encode } from "./wire.mjs";

function decoded(line) {
  try {
    return JSON.stringify(describe(Buffer.from(line, "hex")));
  } catch (error) {
    return JSON.stringify({ error: String(error) });
  }
}

const conversions = {
  decode: decoded,
  encode: (line) => Buffer.from(encode(JSON.parse(line))).toString("hex"),
};
const convert = conversions[process.argv[2]];
if (!convert) throw new Error("usage: node convert.mjs decode|encode");
for await (const line of createInterface({ input: process.stdin })) console.log(convert(line));
