// Receives Art-Net with the library dmxnet: a line for each packet, with its universe and the digest of its channels.
import { createHash } from "node:crypto";
import { createRequire } from "node:module";

const { dmxnet } = createRequire(import.meta.url)("dmxnet");
const [port, ...universes] = process.argv.slice(2).map(Number);
const node = new dmxnet({ listen: port, hosts: ["127.0.0.1"], log: { level: "error" } });
for (const universe of universes) {
  const place = { net: universe >> 8, subnet: (universe >> 4) & 15, universe: universe & 15 };
  node.newReceiver(place).on("data", (data) => {
    console.log(universe, data.length, createHash("sha256").update(Buffer.from(data)).digest("hex"));
  });
}
node.listener4.on("listening", () => console.log("listening"));
