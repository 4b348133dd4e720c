/**
 * Prints what the browser SDK weighs in an application, and fails when it weighs too much.
 *
 *   npm run size
 *
 * Measured as it arrives: bundled from the published files, minified, gzip -9. Budgets are in
 * sdk/size-budgets.json, in bytes; `@opentelemetry/api` is a peer and counted beside them.
 */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const sdk = fileURLToPath(new URL("./sdk/", import.meta.url));
const rows = JSON.parse(readFileSync(`${sdk}size-budgets.json`, "utf8"));

/** The minified module in which an application uses these names of an entry. */
async function weigh({ from, use }, external) {
  const contents = `import { ${use.join(", ")} } from "${from}"; globalThis.used = [${use.join(", ")}];`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: sdk, loader: "js" },
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
  return gzipSync(outputFiles[0].contents, { level: 9 }).length;
}

const kilobytes = (bytes) => `${(bytes / 1000).toFixed(2)} kB`.padStart(10);
let tooHeavy = 0;
console.log(
  `${"".padEnd(58)}${"gzip".padStart(10)}${"budget".padStart(10)}${"with API".padStart(10)}`,
);
for (const row of rows) {
  const alone = await weigh(row, ["@opentelemetry/api"]);
  const whole = await weigh(row, []);
  const over = alone > row.budget;
  if (over) tooHeavy++;
  console.log(
    `${row.name.padEnd(58)}${kilobytes(alone)}${kilobytes(row.budget)}${kilobytes(whole)}${over ? "  TOO HEAVY" : ""}`,
  );
}
if (tooHeavy) {
  console.error(
    `\n${tooHeavy} over budget. Make it lighter, or argue for another budget in sdk/size-budgets.json.`,
  );
  process.exitCode = 1;
}
