import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { createServer, type ViteDevServer } from "vite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";

/** The browser that is installed here; where there is none these tests have nothing to drive. */
const CHROMIUM = [process.env.CHROMIUM, "/usr/bin/chromium", "/usr/bin/google-chrome"].find(
  (path) => path !== undefined && existsSync(path),
);
const FAILED = "e".repeat(32);
const WELL = "d".repeat(32);
const RUNNING = "a".repeat(32);
const HUGE = "f".repeat(32);

describe.runIf(CHROMIUM)("in a real browser", { timeout: 60_000 }, () => {
  let server: ViteDevServer;
  let browser: Browser;
  let page: Page;
  let base: string;
  let complaints: string[];

  beforeAll(async () => {
    process.env.FIXTURES = "quiet";
    server = await createServer({
      configFile: resolve(import.meta.dirname, "../vite.config.ts"),
      root: resolve(import.meta.dirname, ".."),
      server: { port: 0, hmr: false },
      logLevel: "error",
    });
    await server.listen();
    base = server.resolvedUrls?.local[0]?.replace(/\/$/, "") ?? "";
    browser = await chromium.launch({
      executablePath: CHROMIUM ?? "",
      args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
    });
  }, 60_000);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  beforeEach(async () => {
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
    page.on("pageerror", (error) => complaints.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
  });

  afterEach(async () => {
    await page.close();
    expect(complaints).toEqual([]);
  });

  const open = (path: string) => page.goto(base + path);
  const title = () => page.locator(".panel-title").innerText();

  it("shows spans and log lines in one tree, with the parent of each", async () => {
    await open(`/traces/${FAILED}`);
    const rows = page.locator(".wf-row");
    await rows.first().waitFor();
    expect(await rows.nth(0).innerText()).toContain("click Order");
    expect(await rows.nth(1).innerText()).toContain("cart submitted");
    expect(await rows.nth(2).getAttribute("aria-level")).toBe("2");
    expect(await rows.nth(0).getAttribute("aria-expanded")).toBe("true");
  });

  it("walks with j and k, says in the address where it is, and comes back by it", async () => {
    await open(`/traces/${FAILED}`);
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.waitForURL(/at=l/);
    expect(await page.locator(".panel-body").innerText()).toBe("cart submitted");
    await page.reload();
    await page.locator(".wf-row.is-selected").waitFor();
    expect(await page.locator(".wf-row.is-selected").innerText()).toContain("cart submitted");
  });

  it("leads from error to error with e, and shows what was raised", async () => {
    await open(`/traces/${FAILED}`);
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("E");
    await page.keyboard.press("E");
    await page.keyboard.press("E");
    await page.keyboard.press("E");
    await page.locator(".stack").waitFor();
    expect(await title()).toBe("execute_tool send_email");
    expect(await page.locator(".stack").innerText()).toContain("SMTPServerDisconnected");
  });

  it("folds with the left arrow and says how much it holds", async () => {
    await open(`/traces/${WELL}`);
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowLeft");
    await expect.poll(() => page.locator(".wf-row").count()).toBe(1);
    expect(await page.locator(".wf-below").innerText()).toMatch(/^\+\d+$/);
    await page.keyboard.press("P");
    await expect.poll(() => page.locator(".wf-row").count()).toBeGreaterThan(10);
  });

  it("zooms where the pointer is, and 0 shows everything again", async () => {
    await open(`/traces/${WELL}`);
    await page.locator(".wf-row").first().waitFor();
    await page.mouse.move(900, 400);
    await page.keyboard.down("Control");
    await page.mouse.wheel(0, -400);
    await page.keyboard.up("Control");
    await page.waitForURL(/z=\d+-\d+/);
    await page.keyboard.press("0");
    await page.waitForURL((url) => !url.search.includes("z="));
  });

  it("lets running spans grow", async () => {
    await open(`/traces/${RUNNING}`);
    const label = page.locator(".wf-row").first().locator(".bar-label");
    await label.waitFor();
    const before = await label.innerText();
    await expect.poll(() => label.innerText()).not.toBe(before);
    expect(await page.locator(".bar-open").count()).toBeGreaterThan(2);
  });

  it("draws ten thousand spans with a few dozen rows", async () => {
    await open(`/traces/${HUGE}`);
    await page.locator(".wf-row").first().waitFor();
    expect(await page.locator(".page-facts").innerText()).toContain("10,000 spans");
    await page.keyboard.press("End");
    await page.locator(".wf-row.is-selected").waitFor();
    expect(await page.locator(".wf-row").count()).toBeLessThan(80);
  });

  it("draws who handed over to whom", async () => {
    await open(`/traces/${WELL}?tab=agents`);
    await page.locator(".edge-label-handoff").waitFor();
    expect(await page.locator(".node-name").allInnerTexts()).toEqual(
      expect.arrayContaining(["planner", "writer", "lookup_stock", "gpt-5-mini"]),
    );
    await page.locator(".node-tool").first().click();
    await page.locator(".panel").waitFor();
    expect(await title()).toMatch(/^execute_tool/);
  });

  it("narrows logs by level and by words, and keeps that in the address", async () => {
    await open("/logs");
    await page.locator(".log-row").first().waitFor();
    await page.locator(".facets-note", { hasText: "all lines that fit" }).waitFor();
    const errors = Number(await page.locator(".facet-error .facet-count").innerText());
    await page.locator(".facet-error").click();
    await page.waitForURL(/severity=error/);
    await page.locator(".tools-count", { hasText: `${errors} lines` }).waitFor();
    await expect.poll(() => page.locator(".severity-info").count()).toBe(0);
    await page.keyboard.press("/");
    await page.keyboard.type("mail");
    await page.waitForURL(/q=mail/);
    await expect
      .poll(async () =>
        (await page.locator(".log-message").allInnerTexts()).every((text) => text.includes("mail")),
      )
      .toBe(true);
    await page.goBack();
    await page.goForward();
    expect(page.url()).toContain("q=mail");
  });

  it("goes from a log line to its place in the trace", async () => {
    await open("/logs?q=queued");
    await page.locator(".log-row").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("t");
    await page.locator(".wf-row.is-selected").waitFor();
    expect(await page.locator(".panel-body").innerText()).toBe("mail queued");
  });

  it("goes everywhere by two keys, and lists them on ?", async () => {
    await open("/");
    await page.locator(".live-row").first().waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("t");
    await page.locator(".trace-grid").first().waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("Enter");
    await page.locator(".wf-row").first().waitFor();
    await page.keyboard.press("?");
    const help = page.locator("dialog[open]");
    await help.waitFor();
    expect(await help.innerText()).toContain("Next error");
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("a");
    await page.locator(".run-grid").first().waitFor();
    expect(new URL(page.url()).pathname).toBe("/agents");
  });

  it("pauses Live when somebody scrolls up, says so, and resumes at the end", async () => {
    await open("/");
    await page.locator(".live-row").first().waitFor();
    await page.mouse.move(600, 400);
    await page.mouse.wheel(0, -600);
    await page.locator(".banner-pause").waitFor();
    await page.keyboard.press("End");
    await page.locator(".banner-pause").waitFor({ state: "detached" });
  });

  it("draws who calls whom, and leads from an operation to its traces", async () => {
    await open("/services");
    await page.locator(".service-map .node").first().waitFor();
    await page.locator(".service-map .node", { hasText: "shop-api" }).click();
    await page.waitForURL(/service=shop-api/);
    await expect
      .poll(
        async () => new Set(await page.locator(".col-op-service .service").allInnerTexts()).size,
      )
      .toBe(1);
    await page.getByRole("button", { name: "p99" }).click();
    await page.waitForURL(/sort=p99_nano/);
    await page.locator("a.operation-grid", { hasText: "POST /api/orders" }).first().waitFor();
    await page.keyboard.press("j");
    await page.locator("a.operation-grid.is-selected").waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(/\/traces\?.*service=shop-api/);
    await page.locator("a.trace-grid").first().waitFor();
  });

  it("does not say that no span ever came where none did in the last hour", async () => {
    const empty = { nodes: [], edges: [], operations: [], next_cursor: null };
    const hour = { from_unix_nano: "0", to_unix_nano: "3600000000000" };
    for (const path of ["service-map", "operations"]) {
      await page.route(`**/api/v1/${path}?*`, (route) =>
        route.fulfill({ json: { ...hour, ...empty } }),
      );
    }
    await open("/services");
    await page.getByText("No span ended in the last hour.").waitFor();
    await page.getByRole("button", { name: "Look at the last 7 days" }).click();
    await page.waitForURL(/from=-7d/);
  });

  it("draws eighty messages a second as ten pictures, and loses none of them", async () => {
    const log = (number: number) => ({
      ...{ t: "log", id: `l${number}`, trace_id: null, span_id: null, service: "busy" },
      ...{ time_unix_nano: `${Date.now()}000000`, observed_time_unix_nano: "0" },
      ...{ severity_number: 9, severity_text: "INFO", scope: { name: "", version: "" } },
      ...{ body: `line ${number}`, event_name: "", attributes: {} },
    });
    await page.routeWebSocket(/\/api\/v1\/live/, async (socket) => {
      const hello = { k: "hello", version: "1", time_unix_nano: `${Date.now()}000000` };
      socket.send(JSON.stringify(hello));
      let sent = 0;
      const timer = setInterval(() => {
        const items = [log(sent), log(sent + 1000)];
        socket.send(JSON.stringify({ k: "batch", items, skipped: 0 }));
        sent += 1;
        if (sent === 160) clearInterval(timer);
      }, 12.5);
    });
    await page.addInitScript(() => {
      const seen = new Set<string>();
      Object.assign(globalThis, { seen });
      new MutationObserver(() => {
        const foot = document.querySelector(".live-foot")?.textContent;
        if (foot) seen.add(foot);
      }).observe(document, { subtree: true, childList: true, characterData: true });
    });
    await open("/?service=busy");
    await page.locator(".live-foot", { hasText: "320 rows" }).waitFor();
    const pictures = await page.evaluate(
      () => (globalThis as unknown as { seen: Set<string> }).seen.size,
    );
    expect(pictures).toBeLessThan(60);
  });

  it("has a row of two lines and no line cut off on a phone", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    for (const path of ["/", "/traces", "/logs", "/services", "/agents", `/traces/${WELL}`]) {
      await open(path);
      await page.locator(".list a, .log-row, .wf-row").first().waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      expect(width, path).toBe(390);
    }
    await page.keyboard.press("j");
    const panel = await page.locator(".panel").boundingBox();
    expect(panel?.width).toBe(390);
  });

  it("goes on asking where a page is empty and not the last one", async () => {
    let asked = 0;
    await page.route("**/api/v1/logs?*", async (route) => {
      asked += 1;
      if (!route.request().url().includes("needle")) return route.continue();
      if (asked < 4) return route.fulfill({ json: { logs: [], next_cursor: `page-${asked}` } });
      const url = route
        .request()
        .url()
        .replace("needle", "")
        .replace(/cursor=[^&]*/, "");
      const answer = await route.fetch({ url });
      const { logs } = (await answer.json()) as { logs: unknown[] };
      return route.fulfill({ json: { logs: logs.slice(0, 1), next_cursor: null } });
    });
    await open("/logs?q=needle");
    await page.locator(".log-row").first().waitFor();
    expect(await page.locator(".log-row").count()).toBe(1);
    expect(asked).toBeGreaterThanOrEqual(4);
  });

  it("says what failed where a further page does, and asks again when told to", async () => {
    let fail = true;
    await page.route("**/api/v1/traces?*cursor=*", async (route) => {
      if (!fail) return route.fulfill({ json: { traces: [], next_cursor: null } });
      const error = { code: "query_too_slow", what: "It took too long.", why: "", do: "" };
      return route.fulfill({ status: 503, json: { error } });
    });
    await page.route("**/api/v1/traces?limit=100*", async (route) => {
      if (route.request().url().includes("cursor=")) return route.fallback();
      const answer = await route.fetch();
      return route.fulfill({ json: { ...(await answer.json()), next_cursor: "more" } });
    });
    await open("/traces");
    await page.locator("a.trace-grid").first().waitFor();
    await page.locator(".list").evaluate((list) => list.scrollTo(0, list.scrollHeight));
    await page.locator(".list-end", { hasText: "It took too long." }).waitFor();
    fail = false;
    await page.locator(".list-end button").click();
    await page.locator(".list-end", { hasText: "That is all" }).waitFor();
    complaints = []; // The browser itself reports the 503.
  });

  it("says what to do about a trace that is not there", async () => {
    await open(`/traces/${"1".repeat(32)}`);
    await page.locator(".note-error").waitFor();
    expect(await page.locator(".note-error").innerText()).toContain(
      "look for the trace in the list",
    );
    complaints = []; // The browser itself reports the 404 that this test asks for.
  });

  it("never takes telemetry for markup", async () => {
    const hostile = '<img src=x onerror="document.title=1">';
    await page.route("**/api/v1/logs?*", async (route) => {
      const answer = await route.fetch();
      const body = (await answer.json()) as { logs: { body: string; service: string }[] };
      for (const log of body.logs) Object.assign(log, { body: hostile, service: hostile });
      await route.fulfill({ response: answer, json: body });
    });
    await open("/logs");
    await page.locator(".log-row").first().click();
    expect(await page.locator(".log-body").first().innerText()).toBe(hostile);
    expect(await page.locator("img").count()).toBe(0);
  });
});
