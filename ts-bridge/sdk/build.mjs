/**
 * Builds the npm package's modules into dist/, and the one file that a hub serves as /otbridge.js.
 */

import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const shared = {
  absWorkingDir: at("."),
  bundle: true,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
};

/** Modules for bundlers and Node. What the entries share is shared: there is one bridge. */
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

const hub = at("../../otbridge/hub/ui/dist/");
await mkdir(hub, { recursive: true });
await build({
  ...shared,
  entryPoints: ["src/script.ts"],
  outfile: `${hub}otbridge.js`,
  platform: "browser",
  minify: true,
});
