// Reads a file of `beats export --foxglove` as Foxglove's and Lichtblick's apps do: pictures by the protobuf schema in
// the file, updates as JSON. Prints one line for each message.

import { McapIndexedReader } from "@mcap/core";
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { zstdDecompressSync } from "node:zlib";
import protobuf from "protobufjs";
import descriptor from "protobufjs/ext/descriptor/index.js";

const decompressHandlers = { zstd: (data) => new Uint8Array(zstdDecompressSync(data)) };

function reader(schema) {
  if (schema.encoding === "jsonschema") {
    return (data) => JSON.parse(new TextDecoder().decode(data));
  }
  const root = protobuf.Root.fromDescriptor(descriptor.FileDescriptorSet.decode(schema.data));
  root.resolveAll();
  const type = root.lookupType(schema.name);
  return (data) => {
    const image = type.decode(data);
    return {
      format: image.format,
      frame_id: image.frameId ?? image.frame_id,
      seconds: Number(image.timestamp.seconds),
      nanos: image.timestamp.nanos,
      sha256: createHash("sha256").update(image.data).digest("hex"),
    };
  };
}

const file = await open(process.argv[2]);
const readable = {
  size: async () => BigInt((await file.stat()).size),
  read: async (offset, size) => {
    const buffer = new Uint8Array(Number(size));
    await file.read(buffer, 0, Number(size), Number(offset));
    return buffer;
  },
};
const recording = await McapIndexedReader.Initialize({ readable, decompressHandlers });
for await (const message of recording.readMessages()) {
  const channel = recording.channelsById.get(message.channelId);
  const schema = recording.schemasById.get(channel.schemaId);
  console.log(JSON.stringify({ topic: channel.topic, schema: schema.name, value: reader(schema)(message.data) }));
}
await file.close();
