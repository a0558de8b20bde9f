// Calls functions of the page without a browser: `node pure.mjs MODULE`. Each line of stdin is the body of a function
// that can use the exports of the module; its result, or what its promise brings, is written as JSON.

import { createInterface } from "node:readline";

const folder = "../../adapters/beats/adapters/http/page";
const module = await import(`${folder}/${process.argv[2]}`);

for await (const body of createInterface({ input: process.stdin })) {
  const result = await new Function(...Object.keys(module), body)(...Object.values(module));
  console.log(JSON.stringify(result ?? null, (_, value) => (Object.is(value, Infinity) ? "Infinity" : value)));
}
