/**
 * Takes a picture of every screen with an installed Chromium, for looking at them.
 *
 *   node dev/shots.mjs BASE_URL OUTPUT_FOLDER [name-part]
 *
 * Expects the fixtures (`npm run dev`) at BASE_URL; anything written to the console is printed.
 */

import { mkdir } from "node:fs/promises";
import { chromium } from "playwright-core";

const [base = "http://localhost:5173", folder = "shots", only = ""] = process.argv.slice(2);
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"];
const traceId = (digit) => digit.repeat(32);

const SHOTS = [
  { name: "live", path: "/", wait: 2500 },
  {
    name: "live-paused",
    path: "/?show=logs,agents",
    wait: 1500,
    keys: ["k", "k", "k"],
    settle: 1500,
  },
  { name: "traces", path: "/traces" },
  { name: "traces-filtered", path: "/traces?errors=only&min=500ms" },
  { name: "trace", path: `/traces/${traceId("d")}` },
  {
    name: "trace-span",
    path: `/traces/${traceId("d")}`,
    keys: ["j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j", "j"],
  },
  { name: "trace-error", path: `/traces/${traceId("e")}`, keys: ["e", "e", "e", "e"] },
  { name: "trace-running", path: `/traces/${traceId("a")}` },
  { name: "trace-find", path: `/traces/${traceId("d")}?q=stock&z=400000000-900000000` },
  { name: "trace-logs", path: `/traces/${traceId("e")}?tab=logs`, keys: ["j", "j", "Enter"] },
  { name: "trace-agents", path: `/traces/${traceId("e")}?tab=agents` },
  { name: "trace-json", path: `/traces/${traceId("d")}?tab=json` },
  { name: "trace-huge", path: `/traces/${traceId("f")}`, wait: 2500 },
  { name: "trace-unknown", path: `/traces/${traceId("1")}` },
  { name: "logs", path: "/logs" },
  { name: "logs-open", path: "/logs?severity=warn", keys: ["j", "Enter"] },
  { name: "agents", path: "/agents" },
  { name: "run", path: `/agents/${traceId("d")}` },
  { name: "help", path: `/traces/${traceId("d")}`, keys: ["?"] },
];

const SIZES = { wide: [1440, 900], narrow: [900, 800] };

await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: FLAGS,
});
for (const colorScheme of ["dark", "light"]) {
  for (const [size, [width, height]] of Object.entries(SIZES)) {
    if (size === "narrow" && colorScheme === "light") continue;
    const context = await browser.newContext({ colorScheme, viewport: { width, height } });
    for (const shot of SHOTS.filter(({ name }) =>
      `${name}-${colorScheme}-${size}`.includes(only),
    )) {
      const page = await context.newPage();
      page.on("console", (message) => {
        if (message.type() !== "debug") console.log(shot.name, message.type(), message.text());
      });
      page.on("pageerror", (error) => console.log(shot.name, "threw", error.message));
      await page.goto(base + shot.path);
      await page.waitForTimeout(shot.wait ?? 900);
      for (const key of shot.keys ?? []) await page.keyboard.press(key);
      await page.waitForTimeout(shot.settle ?? 400);
      await page.screenshot({ path: `${folder}/${shot.name}-${colorScheme}-${size}.png` });
      await page.close();
    }
    await context.close();
  }
}
await browser.close();
