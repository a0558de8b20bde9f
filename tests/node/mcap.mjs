// Reads MCAP files twice each, by way of the index and from beginning to end, and prints what was found.

import { McapIndexedReader, McapStreamReader } from "@mcap/core";
import { createHash } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";

const decompressHandlers = zstdDecompressSync ? { zstd: (data) => new Uint8Array(zstdDecompressSync(data)) } : {};

function tally() {
  return { messages: 0, topics: {}, carried: 0, sha256: createHash("sha256") };
}

function see(found, channel, message) {
  found.messages += 1;
  found.topics[channel.topic] = (found.topics[channel.topic] ?? 0) + 1;
  found.carried += channel.metadata.get("beats") === "carried" ? 1 : 0;
  found.sha256.update(message.data);
}

async function withIndex(path) {
  const file = await open(path);
  const readable = {
    size: async () => BigInt((await file.stat()).size),
    read: async (offset, size) => {
      const buffer = new Uint8Array(Number(size));
      await file.read(buffer, 0, Number(size), Number(offset));
      return buffer;
    },
  };
  const reader = await McapIndexedReader.Initialize({ readable, decompressHandlers });
  const found = tally();
  for await (const message of reader.readMessages()) {
    see(found, reader.channelsById.get(message.channelId), message);
  }
  const metadata = [];
  for await (const record of reader.readMetadata()) {
    metadata.push(record.name);
  }
  await file.close();
  return { ...found, sha256: found.sha256.digest("hex"), metadata };
}

async function inOrder(path) {
  const reader = new McapStreamReader({ validateCrcs: true, decompressHandlers });
  reader.append(await readFile(path));
  const found = tally();
  const channels = new Map();
  const metadata = [];
  for (let record; (record = reader.nextRecord()); ) {
    if (record.type === "Channel") {
      channels.set(record.id, record);
    } else if (record.type === "Message") {
      see(found, channels.get(record.channelId), record);
    } else if (record.type === "Metadata") {
      metadata.push(record.name);
    }
  }
  return { ...found, sha256: found.sha256.digest("hex"), metadata, done: reader.done() };
}

for (const path of process.argv.slice(2)) {
  console.log(JSON.stringify({ withIndex: await withIndex(path), inOrder: await inOrder(path) }));
}
