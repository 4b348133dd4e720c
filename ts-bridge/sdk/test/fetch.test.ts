import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bridge } from "../src/bridge.js";
import { type FetchSpansOptions, fetchSpans } from "../src/instrument/fetch.js";
import { startBridge, startHub } from "./support/bridges.js";
import type { TestHub } from "./support/hub.js";

/** Says what it was asked, as JSON. */
let echo: Server;
let origin: string;

beforeAll(async () => {
  echo = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const status = Number(/status=(\d+)/.exec(request.url ?? "")?.[1] ?? 200);
      response.writeHead(status);
      response.end(
        JSON.stringify({
          method: request.method,
          url: request.url,
          headers: request.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  });
  await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  origin = `http://127.0.0.1:${(echo.address() as AddressInfo).port}`;
});

afterAll(() => echo.close());

let hub: TestHub;
let bridge: Bridge;
const native = globalThis.fetch;

beforeEach(async () => {
  // As if this were a page of the echoing server.
  vi.stubGlobal("location", new URL(`${origin}/page?q=1#top`));
  hub = await startHub();
});

afterEach(() => vi.unstubAllGlobals());

function start(options?: FetchSpansOptions): Bridge {
  bridge = startBridge(hub, { instrument: [fetchSpans(options)] });
  return bridge;
}

// biome-ignore lint/suspicious/noExplicitAny: whatever the server heard
const ask = async (...args: Parameters<typeof fetch>): Promise<any> =>
  (await fetch(...args)).json();

/** Node's fetch knows no page that an address could be relative to. */
const at = (path: string) => origin + path;

const traceparentOf = (span: { traceId: string; spanId: string } | undefined) =>
  `00-${span?.traceId}-${span?.spanId}-01`;

describe("the span of a request", () => {
  test("is a client span by the HTTP conventions, and the server is told its id", async () => {
    start();
    const heard = await ask(at("/orders/17?card=4111#x"), { method: "post", body: "tea" });
    await bridge.flush();
    expect(hub.spans).toMatchObject([
      {
        name: "POST /orders/{id}",
        kind: 3,
        attributes: {
          "http.request.method": "POST",
          "url.full": `${origin}/orders/17`,
          "server.address": "127.0.0.1",
          "server.port": Number(new URL(origin).port),
          "http.response.status_code": 200,
        },
      },
    ]);
    expect(heard).toMatchObject({ method: "POST", url: "/orders/17?card=4111", body: "tea" });
    expect(heard.headers.traceparent).toBe(traceparentOf(hub.spans[0]));
  });

  test.each([404, 503])("fails with a %i", async (status) => {
    start();
    await fetch(at(`/x?status=${status}`));
    await bridge.flush();
    expect(hub.spans).toMatchObject([
      { status: { code: 2 }, attributes: { "error.type": String(status) } },
    ]);
  });

  test("fails when nobody answers, and the caller gets the very same error", async () => {
    const failure = new TypeError("no network");
    vi.stubGlobal("fetch", () => Promise.reject(failure));
    start();
    await expect(fetch(at("/x"))).rejects.toBe(failure);
    await bridge.flush();
    expect(hub.spans).toMatchObject([
      { status: { code: 2, message: "no network" }, attributes: { "error.type": "TypeError" } },
    ]);
  });

  test("does not fail when the caller aborts", async () => {
    start();
    await expect(fetch(at("/x"), { signal: AbortSignal.abort() })).rejects.toThrow();
    await bridge.flush();
    expect(hub.spans).toMatchObject([{ attributes: { "error.type": "AbortError" } }]);
    expect(hub.spans[0]).not.toHaveProperty("status");
  });

  test("is not made of the bridge's own requests, nor of what is to be ignored", async () => {
    start({ ignore: [`${origin}/health`, /\.png$/] });
    for (const path of ["/health/live", "/logo.png", "/seen"]) await fetch(at(path));
    await fetch(`${hub.url}/v1/bridge`, { method: "POST", body: '{"batches":[]}' });
    await bridge.flush();
    expect(hub.spans.map((span) => span.name)).toEqual(["GET /seen"]);
  });
});

describe("who is told the trace", () => {
  const tells = async (options: FetchSpansOptions) => {
    vi.stubGlobal("location", new URL("http://localhost:1/"));
    vi.spyOn(console, "warn").mockImplementation(() => {});
    start(options);
    const heard = await ask(`${origin}/api/x`);
    return heard.headers.traceparent !== undefined;
  };

  test("nobody of another origin, unless named", async () => {
    expect(await tells({})).toBe(false);
  });

  test("an origin that is named", async () => {
    expect(await tells({ propagateTo: [origin] })).toBe(true);
  });

  test("an address below a path that is named, and no other", async () => {
    expect(await tells({ propagateTo: [`${origin}/api`] })).toBe(true);
    await bridge.stop();
    expect(await tells({ propagateTo: [`${origin}/other`] })).toBe(false);
  });

  test("a pattern that matches", async () => {
    expect(await tells({ propagateTo: [/\/api\//g] })).toBe(true);
  });

  test("nobody whose name only begins like one that is named", async () => {
    expect(await tells({ propagateTo: [origin.slice(0, -1)] })).toBe(false);
  });

  test("a developer is warned once of an origin that is not told, and how to change that", async () => {
    vi.stubGlobal("location", new URL("http://localhost:1/"));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    start();
    await bridge.span("click", async (s) => {
      await s.fetch(`${origin}/a`);
      await s.fetch(`${origin}/b`);
    });
    expect(warn).toHaveBeenCalledOnce();
    expect(warn).toHaveBeenCalledWith(
      expect.stringContaining(`fetchSpans({ propagateTo: ["${origin}"] })`),
    );
  });

  test("visitors of a public page are not bothered with that", async () => {
    vi.stubGlobal("location", new URL("https://shop.example/"));
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    start();
    await bridge.span("click", (s) => s.fetch(`${origin}/a`));
    expect(warn).not.toHaveBeenCalled();
  });
});

describe("what is passed through", () => {
  const HEADERS: [string, () => HeadersInit][] = [
    ["a plain object", () => ({ "X-One": "1", accept: "text/a" })],
    [
      "pairs",
      () => [
        ["X-One", "1"],
        ["accept", "text/a"],
      ],
    ],
    ["Headers", () => new Headers({ "X-One": "1", accept: "text/a" })],
    [
      "an iterator that can be read once",
      () =>
        new Map([
          ["X-One", "1"],
          ["accept", "text/a"],
        ]).entries() as never,
    ],
  ];

  test.each(HEADERS)("headers given as %s", async (_form, make) => {
    start();
    const { headers } = await ask(at("/x"), { headers: make() });
    expect(headers).toMatchObject({ "x-one": "1", accept: "text/a" });
    expect(headers.traceparent).toBeDefined();
  });

  test.each(HEADERS)("headers given as %s with a Request", async (_form, make) => {
    start();
    const request = new Request(`${origin}/x`, {
      method: "PUT",
      body: "b",
      headers: { "x-two": "2" },
    });
    const { headers, method, body } = await ask(request, { headers: make() });
    expect({ method, body }).toEqual({ method: "PUT", body: "b" });
    expect(headers).toMatchObject({ "x-one": "1" });
    expect(headers["x-two"], "init.headers replaces those of the request").toBeUndefined();
  });

  test("a Request with its headers, its method and its body", async () => {
    start();
    const request = new Request(`${origin}/x`, {
      method: "PATCH",
      body: "part",
      headers: { "x-two": "2" },
    });
    const heard = await ask(request);
    expect(heard).toMatchObject({ method: "PATCH", body: "part", headers: { "x-two": "2" } });
    expect(heard.headers.traceparent).toBeDefined();
    expect(request.bodyUsed).toBe(true);
  });

  test("a Request as the second argument", async () => {
    start();
    const heard = await ask(
      at("/x"),
      new Request(origin, { method: "DELETE", headers: { "x-two": "2" } }),
    );
    expect(heard).toMatchObject({ method: "DELETE", url: "/x", headers: { "x-two": "2" } });
    expect(heard.headers.traceparent).toBeDefined();
  });

  test("an URL, a streamed body, and members that only this platform knows", async () => {
    const seen: RequestInit[] = [];
    vi.stubGlobal("fetch", (input: RequestInfo, init: RequestInit) => {
      seen.push(init);
      return native(input, init);
    });
    start();
    const stream = new Blob(["streamed"]).stream();
    const init = {
      method: "POST",
      body: stream,
      duplex: "half",
      next: { revalidate: 1 },
    } as RequestInit;
    expect(await ask(new URL("/x", origin), init)).toMatchObject({ body: "streamed" });
    expect(seen[0]).toMatchObject({ next: { revalidate: 1 }, duplex: "half" });
    expect(init, "the caller's own object is not touched").not.toHaveProperty("headers");
  });

  test("a traceparent that is already there", async () => {
    start();
    const mine = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    expect((await ask(at("/x"), { headers: { Traceparent: mine } })).headers.traceparent).toBe(
      mine,
    );
    expect(
      (await ask(new Request(`${origin}/x`, { headers: { traceparent: mine } }))).headers
        .traceparent,
    ).toBe(mine);
  });

  test("the answer itself: neither cloned nor read", async () => {
    const answer = new Response("body");
    vi.stubGlobal("fetch", async () => answer);
    start();
    expect(await fetch(at("/x"))).toBe(answer);
    expect(answer.bodyUsed).toBe(false);
  });

  test.each([[[]], [["http://[bad"]], [[{}]], [["/x", { method: "B AD" }]]])(
    "arguments that are wrong, with the platform's own error: %j",
    async (args) => {
      start();
      const expected = await native(...(args as Parameters<typeof fetch>)).then(String, String);
      expect(await fetch(...(args as Parameters<typeof fetch>)).then(String, String)).toBe(
        expected,
      );
    },
  );
});

describe("plugging out", () => {
  test("stop puts back the very same function", async () => {
    const before = Object.getOwnPropertyDescriptor(globalThis, "fetch");
    start();
    expect(globalThis.fetch).not.toBe(native);
    await bridge.stop();
    expect(Object.getOwnPropertyDescriptor(globalThis, "fetch")).toEqual(before);
  });

  test("a wrapper that came later stays, and ours below it does nothing any more", async () => {
    start();
    const ours = globalThis.fetch;
    const theirs = (...args: Parameters<typeof fetch>) => ours(...args);
    globalThis.fetch = theirs;
    await bridge.stop();
    expect(globalThis.fetch).toBe(theirs);
    expect((await ask(`${origin}/x`)).headers.traceparent).toBeUndefined();
    globalThis.fetch = native;
  });

  test("plugged in twice and out once, requests are still traced once", async () => {
    start();
    const off = bridge.plug(fetchSpans());
    off();
    off();
    await fetch(at("/x"));
    await bridge.flush();
    expect(hub.spans).toHaveLength(1);
  });
});
