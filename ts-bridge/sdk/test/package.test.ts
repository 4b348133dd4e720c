import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { VERSION } from "../src/version.js";

const SOURCES = new URL("../src/", import.meta.url);
const files = readdirSync(SOURCES, { recursive: true, encoding: "utf8" }).filter((file) =>
  file.endsWith(".ts"),
);
const read = (file: string) => readFileSync(new URL(file, SOURCES), "utf8");

test("the version is the package's", () => {
  const manifest = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
  expect(VERSION).toBe(manifest.version);
});

test.each([
  // What browsers load knows nothing of Node, and the wire nothing of who uses it.
  ["wire", /\/(?:otel|delivery|transports|instrument|page|node)\//],
  ["privacy", /\.\.\//],
  ["delivery", /\/(?:otel|instrument|page|node)\//],
  ["otel", /\/(?:delivery|transports|instrument|page|node)\//],
  ["instrument", /\/(?:transports|page|node)\//],
  ["page", /\/(?:transports|node)\//],
])("%s imports nothing that is above it", (folder, above) => {
  for (const file of files.filter((name) => name.startsWith(`${folder}/`))) {
    const imports = [...read(file).matchAll(/from "(\.[^"]+)"/g)].map(
      (match) => match[1] as string,
    );
    expect(
      imports.filter((path) => above.test(path)),
      file,
    ).toEqual([]);
  }
});

test("only named exports, and no file beyond 350 lines", () => {
  for (const file of files) {
    expect(read(file), file).not.toMatch(/export default/);
    expect(read(file).split("\n").length, file).toBeLessThan(350);
  }
});

test("the browser's entry can be imported in a worker, and on a server, where there is no page", async () => {
  const runner = fileURLToPath(new URL("support/import-entry.mjs", import.meta.url));
  const worker = new Worker(runner);
  const [before, after] = await new Promise<[string[], string[]]>((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
  expect(after).toEqual(before);
});
