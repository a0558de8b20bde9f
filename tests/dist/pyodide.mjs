// Runs a script on the CPython of Pyodide: node pyodide.mjs SCRIPT CHECKOUT PACKAGES BINARY
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";

const [script, checkout, packages, binary] = process.argv.slice(2);
const { loadPyodide } = createRequire(`${process.cwd()}/`)("pyodide");
const python = await loadPyodide();
python.mountNodeFS("/checkout", checkout);
python.mountNodeFS("/packages", packages);
python.mountNodeFS("/binary", binary);
python.runPython(readFileSync(script, "utf8"));
