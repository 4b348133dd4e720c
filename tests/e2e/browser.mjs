// Opens a real, headless Chromium for the end-to-end scripts.
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../ts-bridge/hub-ui/package.json", import.meta.url));
const { chromium } = require("playwright-core");

/** Runs `body(context, problems)` in a fresh profile; `problems` collects what the pages complain of. */
export async function withBrowser(body, options = {}) {
  const profile = mkdtempSync(join(tmpdir(), "otbridge-e2e-"));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: process.env.CHROMIUM,
    headless: true,
    viewport: { width: 1440, height: 900 },
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ...options,
  });
  const problems = [];
  const watch = (page) => {
    page.on("pageerror", (error) => problems.push(`${page.url()}: ${error}`));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(`${page.url()}: ${message.text()}`);
    });
  };
  context.pages().forEach(watch);
  context.on("page", watch);
  try {
    return await body(context, problems);
  } finally {
    await context.close();
    rmSync(profile, { recursive: true, force: true });
  }
}

/** Where a screenshot of this name belongs. */
export const artifact = (name) => join(process.env.ARTIFACTS, name);
