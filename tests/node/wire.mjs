// The wire format as a client in a second language states it: written out by hand, so that it can disagree
// with streaming.proto and input_event.proto. Do not generate it from them.

import { createHash } from "node:crypto";
import protobuf from "protobufjs";

const field = (type, id, rule) => (rule ? { type, id, rule } : { type, id });

const root = protobuf.Root.fromJSON({
  nested: {
    heart: {
      nested: {
        beats: {
          nested: {
            streaming: {
              nested: {
                StreamEnvelope: {
                  oneofs: { payload: { oneof: ["frame", "peripheral"] } },
                  fields: {
                    frame: field("Frame", 1),
                    peripheral: field("PeripheralEnvelope", 2),
                    sequence: field("uint64", 100),
                    captured_unix_ns: field("sfixed64", 101),
                  },
                },
                Frame: { fields: { png_data: field("bytes", 1) } },
                PeripheralEnvelope: {
                  fields: {
                    peripheral_info: field("PeripheralInfo", 1),
                    payload: field("bytes", 2),
                    payload_encoding: field("PeripheralPayloadEncoding", 3),
                    payload_type: field("string", 4),
                  },
                },
                PeripheralInfo: {
                  fields: {
                    id: field("string", 1),
                    tags: field("PeripheralTag", 2, "repeated"),
                    location: field("PeripheralLocation", 3),
                  },
                },
                PeripheralTag: {
                  fields: {
                    name: field("string", 1),
                    variant: field("string", 2),
                    metadata: { keyType: "string", type: "string", id: 3 },
                  },
                },
                PeripheralLocation: {
                  fields: {
                    x: field("double", 1),
                    y: field("double", 2),
                    z: field("double", 3),
                    time: field("string", 4),
                  },
                },
                PeripheralPayloadEncoding: {
                  values: { PERIPHERAL_PAYLOAD_ENCODING_UNSPECIFIED: 0, JSON_UTF8: 1, PROTOBUF: 2 },
                },
              },
            },
          },
        },
        peripheral: {
          nested: {
            input: {
              nested: {
                InputEvent: {
                  fields: {
                    event_type: field("string", 1),
                    timestamp: field("string", 2),
                    data_json: field("bytes", 3),
                  },
                },
              },
            },
          },
        },
      },
    },
  },
});

const StreamEnvelope = root.lookupType("heart.beats.streaming.StreamEnvelope");
const payloadTypes = new Map([
  ["heart.peripheral.input.InputEvent", root.lookupType("heart.peripheral.input.InputEvent")],
]);

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const utf8 = (bytes) => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);

// 64-bit numbers become text: a JavaScript number holds 53 bits.
const plain = (type, message) =>
  type.toObject(message, { longs: String, enums: String, bytes: Buffer, defaults: true, oneofs: true });

/** What one binary message says, as an object that JSON can hold. Throws when it cannot be read. */
export function describe(raw) {
  const envelope = plain(StreamEnvelope, StreamEnvelope.decode(raw));
  const place = {
    sequence: envelope.sequence,
    captured_unix_ns: envelope.captured_unix_ns,
    sha256: sha256(raw),
  };
  if (envelope.payload === "frame") {
    const png = envelope.frame.png_data;
    return { kind: "frame", topic: "frame", ...place, payload_sha256: sha256(png), payload_bytes: png.length };
  }
  if (envelope.payload !== "peripheral") throw new Error("neither a frame nor a peripheral");
  const { peripheral_info: info, payload, payload_encoding, payload_type } = envelope.peripheral;
  return {
    kind: "peripheral",
    topic: `peripheral/${info.id}`,
    ...place,
    payload_sha256: sha256(payload),
    payload_bytes: payload.length,
    id: info.id,
    tags: info.tags,
    location: info.location,
    payload_encoding,
    payload_type,
    data: dataOf(payload, payload_encoding, payload_type),
  };
}

function dataOf(payload, encoding, typeName) {
  if (encoding === "JSON_UTF8") return JSON.parse(utf8(payload));
  if (encoding !== "PROTOBUF") throw new Error(`unknown payload_encoding ${encoding}`);
  const type = payloadTypes.get(typeName);
  if (!type) throw new Error(`unknown payload_type ${typeName}`);
  const { event_type, timestamp, data_json } = plain(type, type.decode(payload));
  return { event_type, timestamp, data: JSON.parse(utf8(data_json)) };
}

/**
 * Serialize an envelope given as JSON: fields by their names in the schema, 64-bit numbers as text, bytes in
 * base64, and `input_event` in place of a peripheral's `payload` for one that is to be serialized too.
 */
export function encode(envelope) {
  const event = envelope.peripheral?.input_event;
  if (event) {
    const type = payloadTypes.get("heart.peripheral.input.InputEvent");
    envelope.peripheral.payload = type.encode(type.fromObject(event)).finish();
    delete envelope.peripheral.input_event;
  }
  return StreamEnvelope.encode(StreamEnvelope.fromObject(envelope)).finish();
}
