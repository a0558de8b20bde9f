// Calls what the page decides without a browser: `node pure.mjs MODULE`, then on each line of stdin the body of a
// function that sees what the module exports; writes what it returns as JSON.

import { createInterface } from "node:readline";

const folder = "../../adapters/beats/adapters/http/page";
const module = await import(`${folder}/${process.argv[2]}`);

for await (const body of createInterface({ input: process.stdin })) {
  const result = new Function(...Object.keys(module), body)(...Object.values(module));
  console.log(JSON.stringify(result ?? null, (_, value) => (Object.is(value, Infinity) ? "Infinity" : value)));
}
