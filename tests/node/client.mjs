// A viewer: connects, prints one line of JSON for each message, and leaves after so many.
//
//   node client.mjs URL COUNT TIMEOUT_S [TEXT …]
//
// The first line is {"connected": true}; each TEXT is then sent as a text message. Exit status 0: COUNT
// messages came; 1: the connection failed or ended before; 2: a message could not be read; 3: it took longer
// than TIMEOUT_S seconds in all; 64: wrong arguments. Why is said on stderr.

import { describe } from "./wire.mjs";

const [url, countText, timeoutText, ...texts] = process.argv.slice(2);
const count = Number(countText);
const timeoutS = Number(timeoutText);
if (!url || !Number.isInteger(count) || count < 1 || !(timeoutS > 0)) {
  leave(64, "usage: node client.mjs URL COUNT TIMEOUT_S [TEXT …]");
}

let received = 0;

function leave(status, why) {
  if (why) console.error(why);
  process.exit(status);
}

setTimeout(() => leave(3, `${received} of ${count} messages within ${timeoutS} s`), timeoutS * 1000);

const socket = new WebSocket(url);
socket.binaryType = "arraybuffer";
socket.onopen = () => {
  console.log(JSON.stringify({ connected: true }));
  for (const text of texts) socket.send(text);
};
// After the last message we are closing ourselves. Node calls it an error when the server's answer comes behind
// messages that we no longer want, so how the connection ends then says nothing.
socket.onerror = (event) => {
  if (received === count) leave(0);
  leave(1, `${url}: ${event.message || event.error || "connection failed"}`);
};
socket.onclose = (event) => {
  if (received === count) leave(0);
  leave(1, `closed with ${event.code} ${event.reason} after ${received} of ${count} messages`);
};
socket.onmessage = ({ data }) => {
  if (received === count) return;
  try {
    if (typeof data === "string") throw new Error("a text message; the stream is binary");
    console.log(JSON.stringify(describe(new Uint8Array(data))));
  } catch (error) {
    leave(2, String(error));
  }
  received += 1;
  if (received === count) socket.close(1000);
};
