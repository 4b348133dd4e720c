/**
 * Runs a program that uses `otbridge/node` in this process, from the sources.
 *
 *   node program.mjs 'program text' [arguments]
 */

import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const [program] = process.argv.slice(2);
const { outputFiles } = await build({
  stdin: {
    contents: `import { consoleLogs, errors, fetchSpans, init } from "../../src/node/index.ts";
      export default [consoleLogs, errors, fetchSpans, init];
      ${program}`,
    resolveDir: fileURLToPath(new URL(".", import.meta.url)),
    loader: "ts",
  },
  bundle: true,
  format: "esm",
  platform: "node",
  write: false,
});
await import(
  `data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString("base64")}`
);
