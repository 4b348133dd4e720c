// @vitest-environment happy-dom
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bridge } from "../src/bridge.js";
import { getBridge, init } from "../src/index.js";
import { type Frame, ScriptedSocket, sockets } from "./support/scripted-socket.js";

let bridge: Bridge;
let posts: { body: Frame; size: number; keepalive: boolean | undefined }[];
let answer: (body: Frame) => Promise<Response>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  sockets.length = 0;
  posts = [];
  answer = async () => new Response('{"k":"ack","id":0}');
  // What the browser would send; the page's own network is not there in this environment.
  vi.stubGlobal("fetch", async (_url: string, { body, keepalive }: RequestInit) => {
    posts.push({ body: JSON.parse(String(body)), size: String(body).length, keepalive });
    return answer(JSON.parse(String(body)));
  });
});

afterEach(async () => {
  visibility("visible");
  const stopped = getBridge()?.stop(0);
  await vi.advanceTimersByTimeAsync(1);
  await stopped;
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

function visibility(state: DocumentVisibilityState): void {
  Object.defineProperty(document, "visibilityState", { value: state, configurable: true });
}

/** A bridge whose socket is open, with a hub that acknowledges nothing by itself. */
async function connected(): Promise<ScriptedSocket> {
  bridge = init({ service: "page", url: "http://hub.test", WebSocket: ScriptedSocket });
  await vi.advanceTimersByTimeAsync(50);
  return ready();
}

function ready(last = 0): ScriptedSocket {
  const socket = sockets.at(-1) as ScriptedSocket;
  socket.accept();
  socket.receive({ k: "ready", v: 1, last, window: 8, max_bytes: 262144, ping_s: 25, live: false });
  return socket;
}

const kinds = (socket: ScriptedSocket) => socket.unread().map((frame) => frame.k);
const idsOf = ({ body }: { body: Frame }) => body.batches.map((batch: Frame) => batch.id);

test("a page that goes sends by the socket and again by keepalive, says goodbye, and closes", async () => {
  const socket = await connected();
  bridge.info("last words");
  dispatchEvent(new Event("pagehide"));
  expect(kinds(socket)).toEqual(["hello", "batch", "bye"]);
  expect(socket.closedWith).toBe(1000);
  expect(posts.map(({ keepalive }) => keepalive)).toEqual([true]);
  expect(posts.map(idsOf)).toEqual([[1]]);
});

test("no goodbye is said while a span is open, so that the hub knows what was lost", async () => {
  const socket = await connected();
  bridge.startSpan("unfinished");
  dispatchEvent(new Event("pagehide"));
  expect(kinds(socket)).toEqual(["hello"]);
  expect(socket.closedWith).toBe(1000);
});

test("a page that is only hidden sends what waits, and keeps its socket", async () => {
  const socket = await connected();
  bridge.info("hidden");
  visibility("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  expect(kinds(socket)).toEqual(["hello", "batch"]);
  expect(posts.map(idsOf)).toEqual([[1]]);
  expect(socket.closedWith).toBeUndefined();
});

test("what does not fit the browser's budget for keepalive stays, and errors go first", async () => {
  await connected();
  const pad = "x".repeat(15_000);
  for (let n = 0; n < 6; n++) bridge.info(`info ${n}`, { pad, more: pad });
  bridge.error("the error", { pad, more: pad });
  dispatchEvent(new Event("pagehide"));
  const [post] = posts;
  expect(post?.size).toBeLessThan(64_000);
  expect(JSON.stringify(post?.body.batches[0])).toContain("the error");
  expect(bridge.stats().waiting).toBe(7);
});

test("what goes while the page goes counts against one budget", async () => {
  await connected();
  answer = () => new Promise(() => {});
  const pad = "x".repeat(15_000);
  for (let n = 0; n < 3; n++) bridge.info(`first ${n}`, { pad });
  visibility("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  for (let n = 0; n < 3; n++) bridge.info(`second ${n}`, { pad });
  dispatchEvent(new Event("pagehide"));
  expect(posts.reduce((sum, { size }) => sum + size, 0)).toBeLessThan(64_000);
});

test("a page that comes back connects again and sends what was not acknowledged", async () => {
  await connected();
  bridge.info("before");
  dispatchEvent(new Event("pagehide"));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(sockets).toHaveLength(1);
  dispatchEvent(new Event("pageshow"));
  await vi.advanceTimersByTimeAsync(50);
  expect(sockets).toHaveLength(2);
  const socket = ready();
  expect(socket.unread()).toMatchObject([
    { k: "hello", epoch: 2 },
    { k: "batch", id: 1 },
  ]);
});

test("an acknowledgement of what went by keepalive is honoured", async () => {
  await connected();
  answer = async () => new Response('{"k":"ack","id":1}');
  bridge.info("taken");
  visibility("hidden");
  document.dispatchEvent(new Event("visibilitychange"));
  await vi.advanceTimersByTimeAsync(1);
  expect(bridge.stats()).toMatchObject({ delivered: 1, waiting: 0 });
});

test("when the network comes back, a socket that gives no sign of life in 3 s is replaced", async () => {
  const dead = await connected();
  dispatchEvent(new Event("online"));
  expect(kinds(dead)).toEqual(["hello", "ping"]);
  await vi.advanceTimersByTimeAsync(2_900);
  expect(dead.closedWith).toBeUndefined();
  await vi.advanceTimersByTimeAsync(1_300);
  expect(dead.closedWith).toBe(1000);
  expect(sockets.length).toBe(2);
});

test("a socket that answers the ping stays", async () => {
  const socket = await connected();
  document.dispatchEvent(new Event("resume"));
  socket.receive({ k: "pong", t: 1 });
  await vi.advanceTimersByTimeAsync(10_000);
  expect(socket.closedWith).toBeUndefined();
});

test("a hub that does not answer `hello` in ten seconds is not waited for", async () => {
  bridge = init({ service: "page", url: "http://hub.test", WebSocket: ScriptedSocket });
  await vi.advanceTimersByTimeAsync(50);
  sockets[0]?.accept();
  bridge.info("waits");
  await vi.advanceTimersByTimeAsync(12_000);
  expect(sockets[0]?.closedWith).toBe(1000);
  expect(posts.length).toBeGreaterThan(0);
});

test("a batch that has waited ten minutes is given up, and counted", async () => {
  await connected();
  answer = async () => new Response("", { status: 503, headers: { "retry-after": "1000" } });
  sockets[0]?.drop(1006);
  bridge.info("old");
  await vi.advanceTimersByTimeAsync(700_000);
  expect(bridge.stats()).toMatchObject({ waiting: 0, dropped: { expired: 1 } });
});

test("after three failures the socket is tried again every five minutes", async () => {
  await connected();
  answer = async (body) => new Response(`{"k":"ack","id":${body.batches.at(-1)?.id ?? 0}}`);
  const tried = () => sockets.length;
  sockets.at(-1)?.drop(1006);
  for (let failures = 1; failures < 3; failures++) {
    await vi.advanceTimersByTimeAsync(31_000);
    sockets.at(-1)?.drop(1006);
  }
  const before = tried();
  bridge.info("by post");
  await vi.advanceTimersByTimeAsync(200_000);
  expect(posts.length).toBeGreaterThan(0);
  expect(tried()).toBe(before);
  await vi.advanceTimersByTimeAsync(102_000);
  bridge.info("again");
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tried()).toBe(before + 1);
});

test("nothing is sent while the page loads", async () => {
  Object.defineProperty(document, "readyState", { value: "loading", configurable: true });
  bridge = init({ service: "page", url: "http://hub.test", WebSocket: ScriptedSocket });
  bridge.info("early");
  await vi.advanceTimersByTimeAsync(2_000);
  expect(sockets).toEqual([]);
  dispatchEvent(new Event("load"));
  await vi.advanceTimersByTimeAsync(10);
  expect(sockets).toHaveLength(1);
  Reflect.deleteProperty(document, "readyState");
});

test("stop takes every listener away", async () => {
  const added = vi.spyOn(globalThis, "addEventListener");
  const removed = vi.spyOn(globalThis, "removeEventListener");
  await connected();
  const stopped = bridge.stop(0);
  await vi.advanceTimersByTimeAsync(1);
  await stopped;
  const names = (calls: unknown[][]) => new Set(calls.map(([name]) => name));
  expect(names(removed.mock.calls)).toEqual(names(added.mock.calls));
  vi.restoreAllMocks();
});
