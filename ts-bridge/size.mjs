/**
 * Prints what the browser SDK weighs in an application, and fails when it weighs too much.
 *
 *   npm run size
 *
 * Measured as it arrives: bundled and minified from the published files as Vite does it, gzip -9.
 * Budgets are in sdk/size-budgets.json, in bytes; `@opentelemetry/api` is a peer and counted beside
 * them. esbuild's own minifier never gives an inner name to two things, which costs some more: its
 * figure is shown, and not judged.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build as esbuild } from "esbuild";
import { build as vite } from "vite";

const sdk = fileURLToPath(new URL("./sdk/", import.meta.url));
const rows = JSON.parse(readFileSync(`${sdk}size-budgets.json`, "utf8"));
const API = "@opentelemetry/api";

/** An application that uses these names of an entry. */
const application = ({ from, use }) =>
  `import { ${use.join(", ")} } from "${from}"; globalThis.used = [${use.join(", ")}];`;

const gzipped = (code) => gzipSync(code, { level: 9 }).length;

async function weighWithVite(row, external) {
  const id = `${sdk}application.js`;
  const { output } = await vite({
    root: sdk,
    configFile: false,
    logLevel: "error",
    build: {
      write: false,
      target: "es2022",
      modulePreload: false,
      rolldownOptions: { input: id, external },
    },
    plugins: [
      {
        name: "application",
        enforce: "pre",
        resolveId: (source) => (source === id ? id : undefined),
        load: (path) => (path === id ? application(row) : undefined),
      },
    ],
  });
  return gzipped(output[0].code);
}

async function weighWithEsbuild(row, external) {
  const { outputFiles } = await esbuild({
    stdin: { contents: application(row), resolveDir: sdk, loader: "js" },
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    platform: "browser",
    write: false,
    external,
    legalComments: "none",
    logLevel: "error",
  });
  return gzipped(outputFiles[0].contents);
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(2)} kB`;
const print = (name, ...cells) =>
  console.log(name.padEnd(48) + cells.map((cell) => cell.padStart(11)).join(""));

let tooHeavy = 0;
print("", "gzip", "budget", "with API", "by esbuild");
for (const row of rows) {
  const alone = await weighWithVite(row, [API]);
  const others = [await weighWithVite(row, []), await weighWithEsbuild(row, [API])];
  const over = alone > row.budget;
  if (over) tooHeavy++;
  print(row.name, ...[alone, row.budget, ...others].map(kilobytes), over ? "TOO HEAVY" : "");
}
if (tooHeavy) {
  console.error(
    `\n${tooHeavy} over budget. Make it lighter, or argue for another budget in sdk/size-budgets.json.`,
  );
  process.exitCode = 1;
}
