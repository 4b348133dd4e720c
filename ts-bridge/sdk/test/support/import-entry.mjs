/** Imports the browser's entry in a worker and tells which globals there were before and after. */

import { fileURLToPath } from "node:url";
import { parentPort } from "node:worker_threads";
import { build } from "esbuild";

const { outputFiles } = await build({
  entryPoints: [fileURLToPath(new URL("../../src/index.ts", import.meta.url))],
  bundle: true,
  format: "esm",
  platform: "browser",
  write: false,
});
const globals = () => Reflect.ownKeys(globalThis).map(String);
const before = globals();
await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
);
parentPort.postMessage([before, globals()]);
