/**
 * Builds the npm package's modules into dist/, and the one file that a hub serves as /otbridge.js.
 *
 * esbuild bundles and shortens the names of internal properties; terser then minifies, because it
 * folds functions and constants that are used once into their place, which saves applications 2 %.
 */

import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { minify } from "terser";

const API = "@opentelemetry/api";
const at = (path) => fileURLToPath(new URL(path, import.meta.url));

const shared = {
  absWorkingDir: at("."),
  bundle: true,
  // A leading underscore marks what only our own modules read, of one copy of this package: a minifier
  // may not shorten the names of properties by itself.
  mangleProps: /^_[a-z]/,
  format: "esm",
  target: "es2022",
  legalComments: "none",
  logLevel: "warning",
  write: false,
};

/** Minifies what esbuild made and writes it, with its source map where it has one. */
async function write({ outputFiles }) {
  const maps = new Map(outputFiles.map(({ path, text }) => [path, text]));
  for (const { path, text } of outputFiles) {
    if (path.endsWith(".map")) continue;
    const map = maps.get(`${path}.map`);
    const url = `${path.split("/").at(-1)}.map`;
    const minified = await minify(text, {
      module: true,
      ecma: 2022,
      compress: { passes: 3 },
      ...(map && { sourceMap: { content: map, url } }),
    });
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, minified.code);
    if (map) await writeFile(`${path}.map`, minified.map);
  }
}

/** Modules for bundlers and Node. What the entries share is shared: there is one bridge. */
const modules = await build({
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
  external: [API, "node:*"],
  sourcemap: true,
});
await mkdir(at("dist"), { recursive: true });
for (const file of await readdir(at("dist"))) {
  if (file.startsWith("shared-")) await rm(at(`dist/${file}`)); // of the last build, with another hash
}
await write(modules);

/**
 * Self-contained, with the API in it, whose own underscores stay as they are. Other files in that folder
 * belong to the hub's own UI.
 */
const script = await build({
  ...shared,
  entryPoints: ["src/script.ts"],
  platform: "browser",
  external: [API],
});
await write(
  await build({
    ...shared,
    mangleProps: undefined,
    stdin: { contents: script.outputFiles[0].text, resolveDir: at(".") },
    outfile: at("../../otbridge/hub/ui/dist/otbridge.js"),
    platform: "browser",
  }),
);
