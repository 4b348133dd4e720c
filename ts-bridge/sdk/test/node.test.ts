import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { context, ROOT_CONTEXT } from "@opentelemetry/api";
import { expect, test } from "vitest";
import { WebSocket } from "ws";
import { consoleLogs, errors, fetchSpans, init } from "../src/node/index.js";
import type { SocketConstructor } from "../src/transports/websocket.js";
import { startHub } from "./support/bridges.js";

const run = promisify(execFile);
const pause = () => new Promise((resolve) => setImmediate(resolve));

/** Runs *program* as a module of its own process, with the sources bundled; see `support/program.mjs`. */
function runProgram(program: string, ...args: string[]) {
  const runner = fileURLToPath(new URL("support/program.mjs", import.meta.url));
  return run(process.execPath, [runner, program, ...args], { timeout: 20_000 }).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    ({ code, stdout, stderr }) => ({ code, stdout, stderr }),
  );
}

test("context survives await, timers and everything else, in jobs that run side by side", async () => {
  const hub = await startHub();
  const bridge = init({ service: "worker", url: hub.url });
  await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      bridge.span(`job ${n}`, async () => {
        await pause();
        await bridge.span(`step ${n}`, async () => {
          await pause();
          bridge.info(`log ${n}`);
        });
        await new Promise((resolve) => setTimeout(resolve, 1));
        bridge.span(`last ${n}`, () => {});
      }),
    ),
  );
  await bridge.flush();
  const span = (name: string) => hub.spans.find((candidate) => candidate.name === name);
  for (let n = 0; n < 20; n++) {
    expect(span(`step ${n}`)?.parentSpanId).toBe(span(`job ${n}`)?.spanId);
    expect(span(`last ${n}`)?.parentSpanId).toBe(span(`job ${n}`)?.spanId);
    expect(hub.logs.find((log) => log.body === `log ${n}`)?.spanId).toBe(span(`step ${n}`)?.spanId);
  }
  expect(JSON.stringify(hub.spans), "in Node nothing has to be concluded").not.toContain(
    "inferred",
  );
});

test("attach and bind work as the API says", async () => {
  const hub = await startHub();
  init({ service: "worker", url: hub.url });
  const mine = ROOT_CONTEXT.setValue(Symbol("k"), 1);
  const token = context.attach(mine);
  await pause();
  expect(context.active()).toBe(mine);
  token.dispose();
  expect(context.active()).toBe(ROOT_CONTEXT);
  expect(context.bind(mine, () => context.active())()).toBe(mine);
});

test("a request is traced and tells the trace to whoever is asked", async () => {
  const hub = await startHub();
  const bridge = init({ service: "worker", url: hub.url, instrument: [fetchSpans()] });
  const seen: (string | null)[] = [];
  const other = await startHub({
    onPost: (body) => {
      seen.push(body);
      return { status: 204 };
    },
  });
  await bridge.span("outer", () => fetch(`${other.url}/anything`));
  await bridge.flush();
  expect(hub.spans.map((span) => span.name)).toEqual(["GET /anything", "outer"]);
});

test("a WebSocket is used where one is asked for", async () => {
  const hub = await startHub();
  const bridge = init({
    service: "worker",
    url: hub.url,
    WebSocket: WebSocket as unknown as SocketConstructor,
    transport: "websocket",
  });
  bridge.info("by socket");
  await bridge.flush();
  expect(hub.posts).toEqual([]);
  expect(JSON.stringify(hub.hellos[0].resource)).toContain('"nodejs"');
});

test("the console is recorded in Node too", async () => {
  const hub = await startHub();
  const bridge = init({
    service: "worker",
    url: hub.url,
    instrument: [consoleLogs({ levels: ["debug"] }), errors()],
  });
  console.debug("quiet", 1);
  await bridge.flush();
  expect(hub.logs).toMatchObject([{ body: "quiet 1", severityNumber: 5 }]);
});

test("a process that ends by itself sends what waits, and then ends", async () => {
  const hub = await startHub();
  const program = `
    const bridge = init({ service: "short", url: process.argv[3], flushInterval: 60000 });
    bridge.info("last words");
  `;
  expect(await runProgram(program, hub.url)).toMatchObject({ code: 0, stderr: "" });
  expect(hub.logs.map((log) => log.body)).toEqual(["last words"]);
});

test("a hub that is not there does not keep a process from ending, nor makes it talk", async () => {
  const program = `
    const bridge = init({ service: "alone", url: "http://127.0.0.1:1", instrument: [fetchSpans(), errors(), consoleLogs()] });
    bridge.info("to nobody");
  `;
  const began = performance.now();
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(performance.now() - began).toBeLessThan(10_000);
});

test("an error that nobody caught is recorded, and ends the process as it would without us", async () => {
  const program = `
    const seen = [];
    init({ service: "crash", url: "http://127.0.0.1:1", instrument: [errors()], beforeSend: (r) => { process.stdout.write(String(r.body)); } });
    Promise.reject(new RangeError("unhandled"));
  `;
  const { code, stdout, stderr } = await runProgram(program);
  expect(code).toBe(1);
  expect(stdout).toBe("RangeError: unhandled");
  expect(stderr).toContain("RangeError: unhandled");
});

test("importing touches nothing: no global, no timer, no output", async () => {
  const program = "";
  expect(await runProgram(program)).toEqual({ code: 0, stdout: "", stderr: "" });
});
