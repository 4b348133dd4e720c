/**
 * Builds the npm package's modules into dist/, and the one file that a hub serves as /otbridge.js.
 */

import { mkdir, readdir, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const at = (path) => fileURLToPath(new URL(path, import.meta.url));

/**
 * Properties that only our own modules read and that no API we touch has. A minifier may not shorten
 * the names of properties by itself; these would be a hundredth of what a page loads. None is read by
 * instrumentations, which may come from another copy of this package than the bridge.
 */
const OWN_PROPERTIES = [
  ...["activity", "announce", "awaited", "batches", "chars", "choose", "connect", "discard"],
  ...["enter", "expire", "failures", "fallback", "forgive", "hasError", "hold", "identity"],
  ...["land", "nextTry", "notBefore", "observed", "oldest", "onAck", "onEnd", "onLost"],
  ...["onNack", "onReady", "onRecord", "onStart", "onUnsampled", "probe", "put", "recovered"],
  ...["records", "running", "seal", "sealedAt", "sendLast", "sends", "take", "takeOpen", "via"],
];

const shared = {
  absWorkingDir: at("."),
  bundle: true,
  minify: true,
  mangleProps: new RegExp(`^(?:${OWN_PROPERTIES.join("|")})$`),
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
