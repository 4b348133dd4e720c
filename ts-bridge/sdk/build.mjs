/**
 * Builds the npm package's modules into dist/, and the one file that a hub serves as /otbridge.js.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const shared = {
  absWorkingDir: at("."),
  bundle: true,
  minify: true,
  // A leading underscore marks what only our own modules read, of one copy of this package: a minifier
  // may not shorten the names of properties by itself.
  mangleProps: /^_[a-z]/,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

/** Modules for bundlers and Node. What the entries share is shared: there is one bridge. */
await mkdir(at("dist"), { recursive: true });
for (const file of await readdir(at("dist"))) {
  if (file.startsWith("shared-")) await rm(at(`dist/${file}`)); // of the last build, with another hash
}
await build({
  ...shared,
  entryPoints: {
    index: "src/index.ts",
    http: "src/http.ts",
    "node/index": "src/node/index.ts",
    "testing/index": "src/testing/index.ts",
  },
  outdir: "dist",
  splitting: true,
  chunkNames: "shared-[hash]",
  platform: "neutral",
  external: ["@opentelemetry/api", "node:*"],
  sourcemap: true,
});

/** Self-contained, with the API in it. Other files in that folder belong to the hub's own UI. */
const hub = at("../../otbridge/hub/ui/dist/");
await mkdir(hub, { recursive: true });
await build({
  ...shared,
  entryPoints: ["src/script.ts"],
  outfile: `${hub}otbridge.js`,
  platform: "browser",
});
