// Visits every screen of a hub that has something for each, at three sizes and in both colours, and
// follows what leads from numbers to traces.
// Arguments: the hub's address, a trace's id, a session's id, a metric's name.
import { artifact, withBrowser } from "./browser.mjs";

const [hub, trace, session, metric] = process.argv.slice(2);
const SIZES = [
  [1440, 900],
  [1024, 768],
  [390, 844],
];
const SCREENS = {
  live: "/",
  traces: "/traces",
  trace: `/traces/${trace}`,
  logs: "/logs",
  services: "/services",
  metrics: "/metrics",
  metric: `/metrics/${metric}`,
  agents: "/agents",
  sessions: "/sessions",
  session: `/traces?session=${session}`,
};
const READY = ".list a, .log-row, .wf-row, .metric-chart path, .first";

await withBrowser(async (context, problems) => {
  const tab = await context.newPage();
  const tooWide = [];
  for (const [width, height] of SIZES) {
    await tab.setViewportSize({ width, height });
    await tab.emulateMedia({ colorScheme: width === 1024 ? "dark" : "light" });
    for (const [name, path] of Object.entries(SCREENS)) {
      await tab.goto(hub + path);
      await tab.locator(READY).first().waitFor();
      const needed = await tab.evaluate(() => document.documentElement.scrollWidth);
      if (needed > width) tooWide.push(`${name} at ${width}: ${needed}`);
      await tab.screenshot({ path: artifact(`screen-${name}-${width}.png`) });
    }
  }
  await tab.setViewportSize({ width: 1440, height: 900 });

  // From a service on the map to its slowest operation, and to the traces of that.
  await tab.goto(`${hub}/services`);
  await tab.locator(".service-map .node").first().waitFor();
  const services = await tab.locator(".service-map .node-name").allInnerTexts();
  await tab.locator(".service-map .node", { hasText: "payments" }).click();
  await tab.waitForURL(/service=payments/);
  await tab.click('.sort:has-text("p99")');
  await tab.waitForURL(/sort=p99_nano/);
  const operations = tab.locator("a.operation-grid .trace-name");
  await tab.waitForFunction(() => document.querySelectorAll("a.operation-grid").length === 2);
  const slowest = (await operations.allInnerTexts()).map((text) => text.trim());
  await operations.first().click();
  await tab.locator("a.trace-grid").first().waitFor();
  const tracesOfOperation = await tab.locator("a.trace-grid").count();

  // A comparison among the words of a search.
  await tab.fill(".search-input", "order>=3");
  await tab.waitForFunction(() => document.querySelectorAll("a.trace-grid").length === 4);
  const tracesOfComparison = await tab.locator("a.trace-grid").count();

  // From a session to its traces, and to its logs.
  await tab.goto(`${hub}/sessions`);
  await tab.locator("a.session-grid", { hasText: session }).click();
  await tab.locator(".session-chip").waitFor();
  await tab.locator("a.trace-grid").first().waitFor();
  const tracesOfSession = await tab.locator("a.trace-grid").count();
  await tab.click(".session-chip a");
  await tab.locator(".log-row").first().waitFor();
  const logsOfSession = await tab.locator(".log-row .log-message").allInnerTexts();

  // From a metric to a trace that it was measured in.
  await tab.goto(`${hub}/metrics`);
  await tab.locator("a.metric-grid", { hasText: metric }).click();
  await tab.locator(".metric-line").first().waitFor();
  const latest = await tab.locator(".metric-line .num").allInnerTexts();
  await tab.locator(".metric-exemplars a").first().click();
  await tab.locator(".wf-row.is-selected").waitFor();
  const exemplar = new URL(tab.url()).pathname;

  const reached = { services, slowest, tracesOfOperation, tracesOfComparison, tracesOfSession, logsOfSession, latest, exemplar };
  console.log(JSON.stringify({ tooWide, problems, ...reached }));
});
