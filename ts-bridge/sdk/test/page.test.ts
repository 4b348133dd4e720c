// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import type { Bridge } from "../src/bridge.js";
import {
  clicks,
  consoleLogs,
  errors,
  fetchSpans,
  getBridge,
  init,
  navigation,
} from "../src/index.js";
import type { Instrumentation } from "../src/options.js";
import { type MemoryHub, memoryHub } from "../src/testing/index.js";

let hub: MemoryHub;
let bridge: Bridge;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "Date", "performance"] });
  hub = memoryHub();
});

afterEach(async () => {
  await getBridge()?.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
  vi.unstubAllGlobals();
  document.body.innerHTML = "";
  document.head.innerHTML = "";
});

function start(...instrument: Instrumentation[]): Bridge {
  bridge = init({
    service: "page",
    url: hub.url,
    WebSocket: hub.WebSocket,
    transport: "websocket",
    instrument,
  });
  return bridge;
}

/** Puts *html* into the page and returns the element with the id `x`. */
function show(html: string): HTMLElement {
  document.body.innerHTML = html;
  return document.getElementById("x") as HTMLElement;
}

const seen = async (name: string) => {
  await bridge.flush();
  return hub.spans.find((span) => span.name === name);
};

describe("a click", () => {
  test.each([
    [
      "a button's caption",
      "<button id=x> Place\n the <b>order</b></button>",
      "click Place the order",
    ],
    ["its accessible label", "<button id=x aria-label=Close>×</button>", "click Close"],
    ["the name it was given", "<button data-otbridge-name=buy><i id=x>!</i></button>", "click buy"],
    ["a long caption, cut", `<a id=x>${"word ".repeat(20)}</a>`, `click ${"word ".repeat(8)}…`],
    [
      "the caption of a button that is a field",
      '<input id=x type=submit value="Send">',
      "click Send",
    ],
    ["no value of a field", '<input id=x name=card value="4111 1111">', "click input#x"],
    ["no content of the page", "<div id=x>private words</div>", "click div#x"],
  ])("is named by %s", async (_what, html, name) => {
    start(clicks());
    show(html).click();
    await vi.advanceTimersByTimeAsync(400);
    expect(await seen(name)).toMatchObject({ parentSpanId: undefined, kind: 1 });
    expect(JSON.stringify(hub.spans)).not.toMatch(/4111|private words/);
  });

  test("says where on the page it was", async () => {
    start(clicks());
    show("<main><form id=cart><p class=row><button id=x>Go</button></p></form></main>").click();
    show("<main><form id=cart><p class=row><button class=primary>Go2</button></p></form></main>");
    document.querySelector("button")?.click();
    await vi.advanceTimersByTimeAsync(400);
    expect((await seen("click Go"))?.attributes).toMatchObject({
      "browser.tag_name": "button",
      "browser.css_selector": "button#x",
      "browser.document.url.full": expect.not.stringContaining("?"),
    });
  });

  test("is the parent of what its handler does, also after an await", async () => {
    vi.stubGlobal("fetch", async () => new Response());
    start(clicks(), fetchSpans());
    const button = show("<button id=x>Go</button>");
    button.addEventListener("click", async () => {
      bridge.info("handled");
      await fetch("/one");
      await new Promise((resolve) => setTimeout(resolve, 200));
      await fetch("/two");
    });
    button.click();
    await vi.advanceTimersByTimeAsync(1_000);
    const click = await seen("click Go");
    for (const name of ["GET /one", "GET /two"]) {
      expect(await seen(name)).toMatchObject({
        traceId: click?.traceId,
        parentSpanId: click?.spanId,
      });
    }
    expect(hub.logs).toMatchObject([{ body: "handled", spanId: click?.spanId }]);
    expect(click?.durationMs).toBeGreaterThanOrEqual(200);
    expect(
      click?.durationMs,
      "it ends with what it caused, not with the quiet after it",
    ).toBeLessThan(300);
  });

  test("stays open while a request is under way, and is over a while after it", async () => {
    const answers: (() => void)[] = [];
    vi.stubGlobal(
      "fetch",
      () => new Promise<Response>((resolve) => answers.push(() => resolve(new Response()))),
    );
    start(clicks({ window: 100 }), fetchSpans());
    const button = show("<button id=x>Go</button>");
    button.addEventListener("click", () => void fetch("/slow"), { once: true });
    button.click();
    await vi.advanceTimersByTimeAsync(5_000);
    bridge.span("meanwhile", () => {});
    answers[0]?.();
    await vi.advanceTimersByTimeAsync(101);
    bridge.span("afterwards", () => {});
    const click = await seen("click Go");
    expect((await seen("meanwhile"))?.parentSpanId).toBe(click?.spanId);
    expect(await seen("afterwards")).toMatchObject({ parentSpanId: undefined });
    expect(click?.durationMs).toBeCloseTo(5_000, -1);
  });

  test("that hangs is over after half a minute", async () => {
    vi.stubGlobal("fetch", () => new Promise(() => {}));
    start(clicks(), fetchSpans());
    const button = show("<button id=x>Go</button>");
    button.addEventListener("click", () => void fetch("/never"));
    button.click();
    await vi.advanceTimersByTimeAsync(31_000);
    expect(await seen("click Go")).toBeDefined();
  });

  test("that follows another begins a trace of its own", async () => {
    start(clicks());
    const button = show("<button id=x>Go</button>");
    button.click();
    await vi.advanceTimersByTimeAsync(50);
    button.click();
    bridge.span("second's", () => {});
    await vi.advanceTimersByTimeAsync(400);
    await bridge.flush();
    const traces = hub.spans.filter((span) => span.name === "click Go").map((span) => span.traceId);
    expect(new Set(traces).size).toBe(2);
    expect((await seen("second's"))?.traceId).toBe(traces[1]);
  });

  test("on a label counts once, though the browser clicks its field too", async () => {
    start(clicks());
    show("<label id=x>Size <input type=checkbox></label>").click();
    await vi.advanceTimersByTimeAsync(400);
    await bridge.flush();
    expect(hub.spans.map((span) => span.name)).toEqual(["click Size"]);
  });

  test("within what is to be ignored is not recorded", async () => {
    start(clicks({ ignore: ".private" }));
    show("<p class=private><button id=x>Go</button></p>").click();
    await vi.advanceTimersByTimeAsync(400);
    await bridge.flush();
    expect(hub.spans).toEqual([]);
  });

  test("does not wait for a page that goes away", async () => {
    vi.stubGlobal("fetch", async () => new Response());
    start(clicks());
    show("<button id=x>Go</button>").click();
    dispatchEvent(new Event("pagehide"));
    expect(bridge.stats().waiting).toBe(1);
    expect(bridge.inference.interaction).toBeUndefined();
  });
});

describe("navigation", () => {
  beforeEach(() => history.replaceState({}, "", "/start?secret=1#s"));

  const load = async () => {
    await vi.advanceTimersByTimeAsync(400);
    await bridge.flush();
    return hub.spans.find((span) => span.name.startsWith("load "));
  };

  test("records the page load from its beginning", async () => {
    start(navigation());
    expect(await load()).toMatchObject({ name: "load /start", parentSpanId: undefined });
  });

  test("the page load joins the trace that the page names", async () => {
    document.head.innerHTML = `<meta name=traceparent content="00-${"a".repeat(32)}-${"b".repeat(16)}-01">`;
    start(navigation());
    expect(await load()).toMatchObject({ traceId: "a".repeat(32), parentSpanId: "b".repeat(16) });
  });

  test("a broken traceparent in the page is as good as none", async () => {
    document.head.innerHTML = '<meta name=traceparent content="00-zz">';
    start(navigation());
    expect(await load()).toMatchObject({ parentSpanId: undefined });
  });

  test("a change of page is an event, without query and fragment, and only when the path changed", async () => {
    start(navigation());
    await load();
    history.pushState({}, "", "/next?token=abc");
    history.replaceState({}, "", "/next?other=1#x");
    history.pushState({}, "", "/orders/17");
    await vi.advanceTimersByTimeAsync(400);
    await bridge.flush();
    expect(
      hub.logs.map((log) => [log.eventName, new URL(String(log.attributes["url.full"])).pathname]),
    ).toEqual([
      ["browser.navigation", "/next"],
      ["browser.navigation", "/orders/17"],
    ]);
    expect(JSON.stringify(hub.logs)).not.toMatch(/token|other|secret/);
    expect(hub.spans.map((span) => span.name)).toContain("navigate /next");
  });

  test("a change of page by a click belongs to the click", async () => {
    start(navigation(), clicks());
    await load();
    const button = show("<button id=x>Go</button>");
    button.addEventListener("click", () => history.pushState({}, "", "/there"));
    button.click();
    await vi.advanceTimersByTimeAsync(400);
    const click = await seen("click Go");
    expect(hub.logs.at(-1)).toMatchObject({
      eventName: "browser.navigation",
      spanId: click?.spanId,
    });
    expect(await seen("navigate /there")).toBeUndefined();
  });

  test("unplugged, the history is as it was", async () => {
    const before = [history.pushState, history.replaceState];
    start(navigation());
    await bridge.stop();
    expect([history.pushState, history.replaceState]).toEqual(before);
    expect(Object.keys(history)).not.toContain("pushState");
  });
});

describe("errors", () => {
  test("that nobody caught are recorded with their stack", async () => {
    start(errors());
    const error = new TypeError("broken");
    dispatchEvent(
      new ErrorEvent("error", { error, message: "broken", filename: "http://x/app.js", lineno: 7 }),
    );
    await bridge.flush();
    expect(hub.logs).toMatchObject([
      {
        eventName: "exception",
        severity: 17,
        body: "TypeError: broken",
        attributes: {
          "exception.type": "TypeError",
          "exception.stacktrace": expect.stringContaining("TypeError: broken"),
          "code.file.path": "http://x/app.js",
          "code.line.number": 7,
        },
      },
    ]);
  });

  test("of scripts from elsewhere are recorded with what the browser tells", async () => {
    start(errors());
    dispatchEvent(new ErrorEvent("error", { message: "Script error." }));
    await bridge.flush();
    expect(hub.logs).toMatchObject([{ body: "Error: Script error." }]);
  });

  test.each([
    [new RangeError("far"), "RangeError: far"],
    ["text", "string: text"],
    [undefined, "string: undefined"],
  ])("promises rejected with %s are recorded", async (reason, body) => {
    start(errors());
    dispatchEvent(Object.assign(new Event("unhandledrejection"), { reason }));
    await bridge.flush();
    expect(hub.logs).toMatchObject([{ body, severity: 17 }]);
  });

  test("are no longer recorded when unplugged", async () => {
    start().plug(errors())();
    dispatchEvent(new ErrorEvent("error", { error: new Error("x") }));
    expect(bridge.stats().accepted).toBe(0);
  });
});

describe("the console", () => {
  test("writes as before, and what it writes is recorded", async () => {
    const written = vi.spyOn(console, "warn").mockImplementation(() => {});
    start(consoleLogs());
    const error = new Error("why");
    console.warn("%s of %d %cred%c: %o", "one", 2, "color:red", "", { a: [1] }, error, "%s");
    expect(written).toHaveBeenCalledWith(
      "%s of %d %cred%c: %o",
      "one",
      2,
      "color:red",
      "",
      { a: [1] },
      error,
      "%s",
    );
    await bridge.flush();
    expect(hub.logs).toMatchObject([
      {
        body: "one of 2 red:  Error: why %s",
        severity: 13,
        eventName: "browser.console",
        attributes: {
          "browser.console.method": "warn",
          "browser.console.args": [{ a: [1] }],
          "exception.message": "why",
        },
      },
    ]);
  });

  test("is not recorded at levels that were not asked for", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {});
    vi.spyOn(console, "error").mockImplementation(() => {});
    start(consoleLogs({ levels: ["error"] }));
    console.log("no");
    console.error("yes");
    await bridge.flush();
    expect(hub.logs.map((log) => log.body)).toEqual(["yes"]);
  });

  test("survives being given anything at all, and hides what a key calls a secret", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {});
    start(consoleLogs());
    const circle: Record<string, unknown> = { password: "p4ss", n: 1n };
    circle.self = circle;
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error("trap");
        },
      },
    );
    console.log(circle, trap, Symbol("s"), null, undefined, document.body);
    console.log(
      Object.create(null, {
        constructor: {
          get: () => {
            throw new Error("trap");
          },
        },
      }),
    );
    await bridge.flush();
    expect(hub.logs[0]).toMatchObject({
      body: "Symbol(s) null undefined",
      attributes: {
        "browser.console.args": [
          { password: "[redacted]", n: 1, self: "[…]" },
          "[unreadable]",
          "<BODY>",
        ],
      },
    });
    expect(hub.logs).toHaveLength(2);
  });

  test("does not record what recording writes", async () => {
    vi.spyOn(console, "log").mockImplementation(() => {});
    bridge = init({
      service: "page",
      url: hub.url,
      WebSocket: hub.WebSocket,
      transport: "websocket",
      instrument: [consoleLogs()],
      beforeSend: () => console.log("from beforeSend"),
    });
    console.log("once");
    await bridge.flush();
    expect(hub.logs.map((log) => log.body)).toEqual(["once"]);
  });

  test("is as it was when unplugged", async () => {
    const before = Object.getOwnPropertyDescriptors(console);
    start(consoleLogs({ levels: ["debug", "log", "info", "warn", "error"] }));
    await bridge.stop();
    expect(Object.getOwnPropertyDescriptors(console)).toEqual(before);
  });
});

describe("an instrumentation", () => {
  test("can be plugged in and out while running", async () => {
    let on = 0;
    const off = start().plug(() => {
      on++;
      return () => on--;
    });
    expect(on).toBe(1);
    off();
    off();
    expect(on).toBe(0);
  });

  test("that fails does not take the others with it", async () => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    start(() => {
      throw new Error("not here");
    }, clicks());
    show("<button id=x>Go</button>").click();
    expect(bridge.inference.interaction).toBeDefined();
  });
});
