import { describe, expect, test, vi } from "vitest";
import { fetchSpans } from "../src/instrument/fetch.js";
import { startBridge, startHub } from "./support/bridges.js";
import type { TestHub } from "./support/hub.js";

const pause = () => new Promise((resolve) => setTimeout(resolve, 1));

/** `child < parent` for every span, by names. */
function tree(hub: TestHub): string[] {
  const names = new Map(hub.spans.map((span) => [span.spanId, span.name]));
  return hub.spans
    .map((span) => `${span.name} < ${names.get(span.parentSpanId ?? "") ?? "-"}`)
    .sort();
}

describe("bridge.span", () => {
  test("returns what the function returns, and ends with it", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    expect(bridge.span("sync", () => 7)).toBe(7);
    expect(await bridge.span("async", { n: 1 }, async () => 8)).toBe(8);
    await bridge.flush();
    expect(hub.spans).toMatchObject([{ name: "sync" }, { name: "async", attributes: { n: 1 } }]);
  });

  test("records what is thrown, and throws it on", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    const error = new RangeError("too far", { cause: new Error("tired") });
    expect(() =>
      bridge.span("sync", () => {
        throw error;
      }),
    ).toThrow(error);
    await expect(
      bridge.span("async", async () => {
        throw error;
      }),
    ).rejects.toBe(error);
    await bridge.flush();
    for (const span of hub.spans) {
      expect(span.status).toEqual({ code: 2, message: "RangeError: too far" });
      expect(span.attributes).toEqual({ "error.type": "RangeError" });
      expect(span.events).toMatchObject([
        { name: "exception", attributes: { "exception.message": "too far" } },
      ]);
      expect(span.events[0]?.attributes["exception.stacktrace"]).toContain(
        "Caused by: Error: tired",
      );
    }
    expect(hub.spans).toHaveLength(2);
  });

  test("survives being thrown anything at all", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    const evil = new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap");
        },
      },
    );
    for (const thrown of [undefined, null, 7, "text", Symbol("s"), evil, Object.create(null)]) {
      try {
        bridge.span("x", () => {
          throw thrown;
        });
      } catch (caught) {
        expect(caught).toBe(thrown);
      }
    }
    expect((await bridge.flush()).delivered).toBe(7);
  });

  test("what begins in it is its child, until the first await by itself and after it through the handle", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    await bridge.span("outer", async (s) => {
      bridge.span("before", () => {});
      await pause();
      s.run(() => bridge.span("after", () => {}));
    });
    await bridge.flush();
    expect(tree(hub)).toEqual(["after < outer", "before < outer", "outer < -"]);
    expect(hub.spans.find((span) => span.name === "after")?.attributes).toEqual({});
  });

  test("after an await without the handle the one open span is concluded to be the parent, and that is marked", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    await bridge.span("outer", () =>
      bridge.span("inner", async () => {
        await pause();
        bridge.info("late");
        bridge.span("leaf", () => {});
      }),
    );
    await bridge.flush();
    expect(tree(hub)).toEqual(["inner < outer", "leaf < inner", "outer < -"]);
    expect(hub.spans.find((span) => span.name === "leaf")?.attributes).toEqual({
      "otbridge.parent": "inferred",
    });
    expect(hub.logs).toMatchObject([
      { body: "late", attributes: { "otbridge.parent": "inferred" } },
    ]);
    expect(hub.logs[0]?.spanId).toBe(hub.spans.find((span) => span.name === "inner")?.spanId);
  });

  test("of two that run side by side neither is concluded, but what both are in", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    await bridge.span("both", () =>
      Promise.all(
        ["a", "b"].map((name) =>
          bridge.span(name, async () => {
            await pause();
            bridge.span(`in ${name}`, () => {});
          }),
        ),
      ),
    );
    await bridge.flush();
    expect(tree(hub)).toEqual(["a < both", "b < both", "both < -", "in a < both", "in b < both"]);
  });

  test("after an awaited fetch the context is the one of its caller, however many run side by side", async () => {
    const hub = await startHub();
    const answers = new Map<string, () => void>();
    const fake = vi.spyOn(globalThis, "fetch").mockImplementation(async (input) => {
      await new Promise<void>((resolve) => answers.set(String(input), resolve));
      return new Response();
    });
    const bridge = startBridge(hub, { instrument: [fetchSpans()] });
    const jobs = ["a", "b", "c"].map((name) =>
      bridge.span(name, async () => {
        await fetch(`http://x/${name}/one`);
        const second = fetch(`http://x/${name}/two`);
        bridge.info(`between ${name}`);
        await second;
      }),
    );
    for (const step of ["b/one", "a/one", "c/one", "a/two", "b/two", "c/two"]) {
      await vi.waitFor(() => expect(answers.has(`http://x/${step}`)).toBe(true));
      answers.get(`http://x/${step}`)?.();
      await pause();
    }
    await Promise.all(jobs);
    fake.mockRestore();
    await bridge.flush();
    for (const name of ["a", "b", "c"]) {
      expect(tree(hub)).toEqual(
        expect.arrayContaining([
          `${name} < -`,
          `GET /${name}/one < ${name}`,
          `GET /${name}/two < ${name}`,
        ]),
      );
      const span = hub.spans.find((candidate) => candidate.name === name);
      expect(hub.logs.find((log) => log.body === `between ${name}`)?.spanId).toBe(span?.spanId);
    }
  });

  test("nothing stays active after it", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.span("over", () => {});
    await bridge.span("over too", async () => pause());
    await pause();
    bridge.span("new", () => {});
    await bridge.flush();
    expect(tree(hub)).toEqual(["new < -", "over < -", "over too < -"]);
  });
});

describe("logs", () => {
  test("belong to the span they are written in", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    const id = bridge.span("work", (s) => {
      bridge.warn("inside", { n: 1 });
      return s.spanId;
    });
    bridge.info("outside");
    await bridge.flush();
    expect(hub.logs).toMatchObject([
      { body: "inside", spanId: id, severityNumber: 13, severityText: "WARN" },
      { body: "outside" },
    ]);
    expect(hub.logs[1]).not.toHaveProperty("spanId");
  });

  test("take an Error as message, or beside a message", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    bridge.error(new TypeError("bad"));
    bridge.error("could not save", new TypeError("bad"));
    bridge.event("cart.opened", { items: 2 });
    await bridge.flush();
    expect(hub.logs).toMatchObject([
      { body: "TypeError: bad", attributes: { "exception.type": "TypeError" } },
      { body: "could not save", attributes: { "exception.message": "bad" } },
      { eventName: "cart.opened", attributes: { items: 2 } },
    ]);
  });

  test("never throw, whatever they are given", async () => {
    const hub = await startHub();
    const bridge = startBridge(hub);
    vi.spyOn(console, "warn").mockImplementation(() => {});
    const trap = new Proxy(
      {},
      {
        get: () => {
          throw new Error("trap");
        },
        ownKeys: () => {
          throw new Error("trap");
        },
      },
    );
    const messages = [
      undefined,
      null,
      Symbol("s"),
      () => 1,
      10n ** 30n,
      Number.NaN,
      trap,
      "\ud800",
      new Date(Number.NaN),
    ];
    for (const message of messages) {
      bridge.info(message, message as never);
      bridge.span(message as never, message as never, () => {});
    }
    bridge.info("still here");
    await bridge.flush();
    expect(hub.logs.at(-1)?.body).toBe("still here");
    const { accepted, delivered, dropped } = bridge.stats();
    expect(delivered + (dropped.unencodable ?? 0)).toBe(accepted);
  });
});

test("inject and extract carry a trace over sockets of one's own", async () => {
  const hub = await startHub();
  const bridge = startBridge(hub);
  const message = bridge.span("sender", () =>
    bridge.inject({ text: "hi" } as Record<string, string>),
  );
  bridge.with(bridge.extract(message), () => bridge.span("receiver", () => {}));
  await bridge.flush();
  expect(tree(hub)).toEqual(["receiver < sender", "sender < -"]);
  expect(Object.keys(message)).toEqual(["text", "traceparent"]);
});
