import { afterEach, describe, expect, test, vi } from "vitest";
import { init as initHttp } from "../src/http.js";
import { getBridge } from "../src/init.js";
import { startBridge, startHub } from "./support/bridges.js";
import { TestHub } from "./support/hub.js";

const bodies = (hub: TestHub) => hub.logs.map((log) => log.body);
const quiet = () => vi.spyOn(console, "warn").mockImplementation(() => {});

/** Full jitter would make a test wait. */
const impatient = () => vi.spyOn(Math, "random").mockReturnValue(0);

function expectBalanced() {
  const stats = getBridge()?.stats();
  if (!stats) throw new Error("no bridge");
  const { accepted, delivered, rejected, dropped, waiting } = stats;
  const lost = Object.values(dropped).reduce((sum, n) => sum + n, 0);
  expect(delivered + rejected + lost + waiting).toBe(accepted);
}

afterEach(() => vi.useRealTimers());

describe("over a WebSocket", () => {
  test("what is logged arrives, and flush says so", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.info("cart", { items: 3 });
    expect(await bridge.flush()).toEqual({ delivered: 1, failed: 0, waiting: 0 });
    expect(hub.logs).toMatchObject([{ body: "cart", severityNumber: 9, attributes: { items: 3 } }]);
    expect(hub.posts).toEqual([]);
    expectBalanced();
  });

  test("records go without being asked, after the flush interval", async () => {
    const hub = await startHub();
    startBridge(hub).info("by itself");
    await hub.until(() => hub.logs.length === 1);
  });

  test("a connection that breaks is opened again, and nothing is lost or shown twice", async () => {
    impatient();
    let cuts = 0;
    const hub = await startHub({
      onFrame(frame, socket) {
        if (frame.k !== "batch" || frame.id <= cuts || cuts >= 4) return false;
        socket.terminate();
        // By turns the batch is lost on its way, and its acknowledgement.
        return ++cuts % 2 === 1;
      },
    });
    const bridge = startBridge(hub, { transport: "websocket" });
    for (let n = 0; n < 6; n++) {
      bridge.info(n);
      await bridge.flush(5_000);
    }
    expect(bodies(hub)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(hub.hellos).toHaveLength(5);
    expect(hub.hellos.map((hello) => hello.epoch)).toEqual(hub.hellos.map((_, at) => at + 1));
    expectBalanced();
  });

  test("a hub that starts later gets what waited for it", async () => {
    impatient();
    const parked = await TestHub.start();
    const { port } = parked;
    await parked.stop();
    const bridge = startBridge(`http://127.0.0.1:${port}`, { transport: "websocket" });
    bridge.info("early");
    expect((await bridge.flush(50)).waiting).toBe(1);
    const hub = await startHub({}, port);
    await bridge.flush(5_000);
    expect(bodies(hub)).toEqual(["early"]);
  });

  test("not more than the hub's window is under way", async () => {
    let most = 0;
    let unanswered = 0;
    const hub = await startHub({
      onFrame(frame, socket) {
        if (frame.k === "hello")
          socket.send(
            JSON.stringify({ k: "ready", v: 1, last: 0, window: 2, max_bytes: 262144, ping_s: 25 }),
          );
        if (frame.k !== "batch") return true;
        unanswered++;
        most = Math.max(most, unanswered);
        setImmediate(() => {
          unanswered--;
          socket.send(JSON.stringify({ k: "ack", id: frame.id }));
        });
        return true;
      },
    });
    const bridge = startBridge(hub);
    for (let n = 0; n < 40; n++) bridge.info("x".repeat(15_000));
    expect((await bridge.flush(5_000)).delivered).toBe(40);
    expect(most).toBe(2);
  });

  test("spans that have begun are announced where the hub wants to see them, and again after a break", async () => {
    impatient();
    const hub = await startHub({ live: true });
    const bridge = startBridge(hub);
    const span = bridge.startSpan("long");
    await hub.until(() => hub.opened.length === 1);
    expect(hub.opened[0]).toMatchObject({ name: "long", spanId: span.spanId, scope: "otbridge" });
    expect(hub.opened[0]?.endTimeUnixNano).toBeUndefined();
    hub.cut();
    await hub.until(() => hub.opened.length === 2);
    span.end();
    await bridge.flush();
    expect(hub.spans).toMatchObject([{ name: "long", spanId: span.spanId }]);
  });

  test("a token is part of the first frame, and a refused one is asked for once more", async () => {
    const tokens = ["old", "new"];
    const hub = await startHub({
      onFrame(frame, socket) {
        if (frame.k === "hello" && frame.token !== "new") socket.close(4401, "expired");
        return frame.token === "old";
      },
    });
    const bridge = startBridge(hub, { token: async () => tokens.shift() as string });
    bridge.info("proved");
    expect(await bridge.flush()).toMatchObject({ delivered: 1 });
  });

  test.each([4403, 4406])(
    "close %i ends it: what waits is counted, and the developer is told",
    async (code) => {
      const warn = quiet();
      const hub = await startHub({
        onFrame(_frame, socket) {
          socket.close(code, "not from here");
          return true;
        },
      });
      const bridge = startBridge(hub);
      bridge.info("unwanted");
      expect(await bridge.flush()).toEqual({ delivered: 0, failed: 1, waiting: 0 });
      expect(bridge.stats().dropped).toEqual({ stopped: 1 });
      expect(warn).toHaveBeenCalledWith(expect.stringContaining(`${code} not from here`));
    },
  );

  test("a batch larger than this hub takes is not sent, and the others are", async () => {
    quiet();
    const hub = await startHub({
      onFrame(frame, socket) {
        if (frame.k !== "hello") return false;
        const ready = { k: "ready", v: 1, last: 0, window: 8, max_bytes: 20_000, ping_s: 25 };
        socket.send(JSON.stringify(ready));
        return true;
      },
    });
    const bridge = startBridge(hub);
    bridge.info("small");
    await bridge.flush();
    bridge.info("x".repeat(15_000), { more: "y".repeat(15_000) });
    await bridge.flush();
    bridge.info("small again");
    await bridge.flush();
    expect(bodies(hub)).toEqual(["small", "small again"]);
    expect(bridge.stats()).toMatchObject({ delivered: 2, rejected: 1 });
  });

  test("garbage from the other end is ignored", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.info("one");
    await bridge.flush();
    for (const frame of [
      1,
      null,
      [],
      {},
      { k: 7 },
      { k: "ack" },
      { k: "nack" },
      { k: "later", x: 1 },
    ])
      hub.broadcast(frame);
    bridge.info("two");
    await bridge.flush();
    expect(bodies(hub)).toEqual(["one", "two"]);
  });

  test("stop says goodbye and closes", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.info("last");
    await bridge.stop();
    await hub.until(() => hub.closed.length === 1);
    expect(hub.frames.at(-1)).toEqual({ k: "bye" });
    expect(hub.closed).toEqual([1000]);
    bridge.info("after");
    expect(bridge.stats().waiting).toBe(0);
  });
});

describe("over HTTP", () => {
  test("everything can go by POST, as text/plain so that no preflight is needed", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub, { transport: "http" });
    bridge.info("posted");
    await bridge.span("spanned", () => {});
    await bridge.flush();
    expect(bodies(hub)).toEqual(["posted"]);
    expect(hub.spans.map((span) => span.name)).toEqual(["spanned"]);
    expect(hub.posts[0]).toMatchObject({
      v: 1,
      contentType: "text/plain;charset=UTF-8",
      oldest: 1,
    });
    expect(hub.frames).toEqual([]);
  });

  test("the entry without a WebSocket works the same", async () => {
    const hub = await startHub();
    const bridge = initHttp({ service: "small", url: hub.url });
    bridge.info("posted");
    expect(await bridge.flush()).toMatchObject({ delivered: 1 });
  });

  test("after three failures of the socket batches go by POST", async () => {
    impatient();
    const hub = await startHub({ noSocket: true });
    const bridge = startBridge(hub);
    bridge.info("around");
    expect(await bridge.flush(5_000)).toMatchObject({ delivered: 1 });
    expect(hub.posts).toHaveLength(1);
  });

  test("the socket alone is used where that was asked for", async () => {
    impatient();
    const hub = await startHub({ noSocket: true });
    const bridge = startBridge(hub, { transport: "websocket" });
    bridge.info("waits");
    expect(await bridge.flush(600)).toEqual({ delivered: 0, failed: 0, waiting: 1 });
    expect(hub.posts).toEqual([]);
  });

  test("spans that have begun are announced by POST too, once the hub has said that it shows them", async () => {
    const hub = await startHub({ live: true });
    const bridge = startBridge(hub, { transport: "http" });
    bridge.info("first");
    await bridge.flush();
    const span = bridge.startSpan("long");
    await hub.until(() => hub.opened.length === 1);
    expect(hub.opened).toMatchObject([{ name: "long", scope: "otbridge" }]);
    span.end();
    expect(await bridge.flush()).toMatchObject({ delivered: 1 });
  });

  test("a hub under pressure is asked again when it said", async () => {
    let refusals = 0;
    const hub = await startHub({
      onPost: () =>
        refusals++ < 6 ? { status: 503, headers: { "retry-after": "0.02" } } : undefined,
    });
    const bridge = startBridge(hub, { transport: "http" });
    bridge.info("patient");
    expect(await bridge.flush(5_000)).toMatchObject({ delivered: 1 });
    expect(refusals).toBe(7);
  });

  test("a batch that makes the hub fail is given up after five attempts, and the hub is told", async () => {
    impatient();
    const hub = await startHub({
      onPost: (body) =>
        JSON.stringify(body.batches).includes("poison") ? { status: 500 } : undefined,
    });
    const bridge = startBridge(hub, { transport: "http" });
    bridge.info("poison");
    await bridge.flush(5_000);
    expect(bridge.stats().dropped).toEqual({ expired: 1 });
    bridge.info("fine");
    await bridge.flush();
    expect(bodies(hub)).toEqual(["fine"]);
    expect(hub.dropped).toEqual({ expired: 1 });
    expectBalanced();
  });

  test("of several batches only the malformed one is lost", async () => {
    quiet();
    const hub = await startHub({
      onPost: (body) =>
        JSON.stringify(body.batches).includes("bad") ? { status: 400 } : undefined,
    });
    const bridge = startBridge(hub, { transport: "http", flushInterval: 60_000 });
    for (const text of ["good", "bad", "good"])
      bridge.info(text.repeat(3_000).slice(0, 16_000), { pad: "p".repeat(16_000) });
    await bridge.flush(5_000);
    expect(bridge.stats()).toMatchObject({ delivered: 2, rejected: 1 });
  });

  test("403 ends it, and the developer reads the hub's own words", async () => {
    const warn = quiet();
    const hub = await startHub({
      onPost: () => ({ status: 403, body: { error: { do: "Add the origin." } } }),
    });
    const bridge = startBridge(hub, { transport: "http" });
    bridge.info("unwanted");
    await bridge.flush();
    expect(bridge.stats().dropped).toEqual({ stopped: 1 });
    expect(warn).toHaveBeenCalledWith(expect.stringContaining("Add the origin."));
  });
});

describe("what does not fit", () => {
  test("a full queue lets debug and info go first and errors last, and tells how many", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub, { flushInterval: 60_000 });
    for (let n = 0; n < 100; n++) bridge.error(`e${n}`);
    for (let n = 0; n < 3_000; n++) bridge.debug(`d${n}`);
    await bridge.flush(5_000);
    await bridge.flush(5_000);
    expect(hub.logs.filter((log) => log.severityNumber === 17)).toHaveLength(100);
    expect(hub.logs.map((log) => log.body)).toContain("d2999");
    expect(hub.logs.map((log) => log.body)).not.toContain("d0");
    expect(hub.dropped).toEqual({ queue_full: bridge.stats().dropped.queue_full });
    expect(bridge.stats().dropped.queue_full).toBeGreaterThan(1_000);
    expectBalanced();
  });

  test("a record that fits no frame is let go and counted", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.info(
      "huge",
      Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`k${n}`, "x".repeat(16_000)])),
    );
    bridge.info("small");
    await bridge.flush();
    expect(bodies(hub)).toEqual(["small"]);
    expect(hub.dropped).toEqual({ too_big: 1 });
  });

  test("what beforeSend refuses, or fails on, never leaves", async () => {
    quiet();
    const hub = await startHub();
    const bridge = startBridge(hub, {
      beforeSend(record) {
        if (record.body === "secret") return false;
        if (record.body === "trap") throw new Error("bug");
        record.attributes.seen = true;
        if (record.kind === "span") record.name = "renamed";
      },
    });
    bridge.info("secret");
    bridge.info("trap");
    bridge.info("fine");
    bridge.span("named", () => {});
    await bridge.flush();
    expect(hub.logs).toMatchObject([{ body: "fine", attributes: { seen: true } }]);
    expect(hub.spans).toMatchObject([{ name: "renamed", attributes: { seen: true } }]);
    expect(hub.dropped).toEqual({ before_send: 2 });
    expectBalanced();
  });

  test("a trace that is not sampled is counted, and its logs are kept", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub, { sampleRate: 0 });
    bridge.span("unseen", () => bridge.info("inside"));
    await bridge.flush();
    expect(hub.spans).toEqual([]);
    expect(hub.logs).toMatchObject([{ body: "inside" }]);
    expect(hub.dropped).toEqual({ sampled: 1 });
  });
});

describe("what init is given", () => {
  test.each([undefined, "", "ftp://hub", "/only/a/path", 7])(
    "the url %s is said to be wrong, and nothing breaks",
    async (url) => {
      const warn = quiet();
      const bridge = startBridge("", { url: url as string });
      bridge.info("nowhere");
      expect(await bridge.flush()).toMatchObject({ waiting: 0 });
      expect(bridge.stats().dropped).toEqual({ stopped: 1 });
      expect(warn).toHaveBeenCalledWith(expect.stringContaining("no http(s) address"));
    },
  );

  test("a missing service name is said, and a name is made up", async () => {
    const warn = quiet();
    const hub = await startHub();
    const bridge = startBridge(hub, { service: undefined as never });
    bridge.info("who?");
    await bridge.flush();
    expect(JSON.stringify(hub.hellos[0].resource)).toContain("unknown_service");
    expect(warn).toHaveBeenCalledWith(expect.stringContaining("needs a service name"));
  });

  test("a second init warns and returns the first bridge", async () => {
    const warn = quiet();
    const hub = await startHub();
    const first = startBridge(hub);
    expect(startBridge(hub)).toBe(first);
    expect(warn).toHaveBeenCalledOnce();
    await first.stop();
    expect(startBridge(hub)).not.toBe(first);
  });

  test("resource, user and environment are what was given", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub, {
      version: "1.2",
      environment: "test",
      attributes: { team: "shop" },
    });
    bridge.setUser({ id: "u1", name: "Ada" });
    bridge.info("as Ada");
    bridge.setUser(null);
    bridge.info("as nobody");
    await bridge.flush();
    const resource = Object.fromEntries(
      hub.hellos[0].resource.map(({ key, value }: { key: string; value: object }) => [
        key,
        Object.values(value)[0],
      ]),
    );
    expect(resource).toMatchObject({
      "service.name": "shop-web",
      "service.version": "1.2",
      "deployment.environment.name": "test",
      "telemetry.sdk.language": "webjs",
      team: "shop",
    });
    expect(resource["service.instance.id"]).toBe(hub.hellos[0].stream);
    expect(hub.logs.map((log) => log.attributes)).toEqual([
      { "user.id": "u1", "user.name": "Ada" },
      {},
    ]);
  });
});
