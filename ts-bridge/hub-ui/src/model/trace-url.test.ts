import { describe, expect, it } from "vitest";
import { readTraceUrl, type TraceUrl, writeTraceUrl } from "./trace-url.ts";

const roundTrip = (state: Partial<TraceUrl>): TraceUrl => {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(writeTraceUrl(state))) if (value) query.set(key, value);
  return readTraceUrl(query);
};

describe("the address of a trace", () => {
  it("says nothing of what is as usual", () => {
    const usual = readTraceUrl(new URLSearchParams());
    expect(usual).toMatchObject({ tab: "waterfall", at: null, find: "", zoom: null, logs: true });
    expect(Object.values(writeTraceUrl(usual)).filter(Boolean)).toEqual([]);
  });

  it("brings every state back", () => {
    const state: TraceUrl = {
      tab: "agents",
      at: "sabc",
      find: "stock error",
      zoom: { from: 400, to: 900 },
      fold: { level: 2, flipped: new Set(["a", "b"]) },
      logs: false,
    };
    expect(roundTrip(state)).toEqual(state);
  });

  it.each(["tab=nonsense", "z=9-3", "z=a-b", "level=-1", "level=many"])("ignores %s", (query) => {
    expect(readTraceUrl(new URLSearchParams(query))).toMatchObject({
      tab: "waterfall",
      zoom: null,
      fold: { level: null },
    });
  });

  it("stays short however much is folded", () => {
    const flipped = new Set(Array.from({ length: 5_000 }, (_, index) => String(index)));
    expect(writeTraceUrl({ fold: { level: null, flipped } }).fold?.split(",")).toHaveLength(60);
  });
});
