// A viewer that speaks Foxglove's protocol: subscribes, prints one line of JSON for each event, and leaves after
// so many messages.
//
//   node foxglove.mjs URL COUNT TIMEOUT_S [TOPIC …]
//
// With COUNT 0 it freezes at the first message, until there is a byte to read on stdin, and leaves at the first status.
// Without a TOPIC it subscribes to all. Pictures are decoded with the schema that the server gives. Exit status
// 0: COUNT messages came; 1: the connection failed or ended before; 2: something could not be read; 3: it took
// longer than TIMEOUT_S seconds in all.

import { createHash } from "node:crypto";
import { readSync } from "node:fs";
import wsProtocol from "@foxglove/ws-protocol";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";

const { FoxgloveClient } = wsProtocol;
const [url, countText, timeoutText, ...topics] = process.argv.slice(2);
const count = Number(countText);
let received = 0;

function leave(status, why) {
  if (why) console.error(why);
  process.exit(status);
}

const print = (event) => console.log(JSON.stringify(event, (_, value) => (typeof value === "bigint" ? `${value}` : value)));

setTimeout(() => leave(3, `${received} of ${count} messages within ${timeoutText} s`), Number(timeoutText) * 1000);

function readerOf({ encoding, schema, schemaName, schemaEncoding }) {
  if (encoding === "json" && schemaEncoding === "jsonschema") {
    JSON.parse(schema);
    return (bytes) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  }
  const files = descriptor.FileDescriptorSet.decode(Buffer.from(schema, "base64"));
  const type = protobuf.Root.fromDescriptor(files).lookupType(schemaName);
  return (bytes) => {
    const { data, ...rest } = type.toObject(type.decode(bytes), { longs: String });
    return { ...rest, size_bytes: data.length, sha256: createHash("sha256").update(data).digest("hex") };
  };
}

const client = new FoxgloveClient({ ws: new WebSocket(url, [FoxgloveClient.SUPPORTED_SUBPROTOCOL]) });
const subscriptions = new Map();
client.on("error", (error) => leave(2, `${error.stack ?? error}`));
client.on("close", ({ code, reason }) => leave(1, `closed with ${code} ${reason} after ${received} messages`));
client.on("serverInfo", print);
client.on("status", (status) => {
  print(status);
  if (count === 0) leave(0);
});
client.on("time", ({ timestamp }) => print({ op: "time", timestamp }));
client.on("advertise", (channels) => {
  print({ op: "advertise", channels });
  for (const channel of channels) {
    if (topics.length && !topics.includes(channel.topic)) continue;
    subscriptions.set(client.subscribe(channel.id), { topic: channel.topic, read: readerOf(channel) });
  }
});
client.on("message", ({ subscriptionId, timestamp, data }) => {
  const { topic, read } = subscriptions.get(subscriptionId);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  print({ op: "message", topic, timestamp, message: read(bytes) });
  received += 1;
  if (received === count) leave(0);
  if (received === 1 && count === 0) readSync(0, new Uint8Array(1));
});
