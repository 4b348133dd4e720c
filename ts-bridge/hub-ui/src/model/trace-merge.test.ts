import { describe, expect, it } from "vitest";
import type { LiveItem, Span } from "../api.ts";
import { log, span } from "./fixtures.ts";
import { mergeFetched, mergeLive, newerSpan, stateOf } from "./trace-merge.ts";

const start = (each: Span): LiveItem => ({ t: "start", ...each });
const end = (each: Span): LiveItem => ({ t: "span", ...each });
const line = (each: ReturnType<typeof log>): LiveItem => ({ t: "log", ...each });

describe("a trace growing live", () => {
  it("begins with its first item, before the hub has been asked", () => {
    const trace = mergeLive(null, "t", [start(span("a", null, 0, null))]);
    expect(trace).toMatchObject({ trace_id: "t", name: "a", state: "open", span_count: 1 });
  });

  it("stays the same object when nothing concerns it", () => {
    const trace = mergeLive(null, "t", [start(span("a", null, 0, null))]);
    const other = { ...span("x", null, 0, 1), trace_id: "other" };
    expect(mergeLive(trace, "t", [end(other)])).toBe(trace);
  });

  it("replaces an open span by its end, and never the other way round", () => {
    const open = span("a", null, 0, null);
    const ended = span("a", null, 0, 50);
    expect(newerSpan(open, ended)).toBe(ended);
    expect(newerSpan(ended, open)).toBe(ended);
    const trace = mergeLive(null, "t", [end(ended), start(open)]);
    expect(trace).toMatchObject({ state: "complete", duration_nano: 50, span_count: 1 });
  });

  it("takes a loss back when the span is heard of again, and an end never", () => {
    const open = span("a", null, 0, null);
    const lost = { ...open, state: "lost" as const };
    const ended = span("a", null, 0, 50);
    expect(newerSpan(lost, open)).toBe(open);
    expect(newerSpan(ended, lost)).toBe(ended);
  });

  it("keeps the resource that only the full answer tells", () => {
    const known = { ...span("a", null, 0, null), resource: 3 };
    expect(newerSpan(known, span("a", null, 0, 9)).resource).toBe(3);
  });

  it("takes each log line once and keeps time order", () => {
    const first = mergeLive(null, "t", [line(log("2", null, 20)), line(log("1", null, 10))]);
    const again = mergeLive(first, "t", [line(log("2", null, 20))]);
    expect(again?.logs.map(({ id }) => id)).toEqual(["1", "2"]);
  });

  it("keeps what arrived while the hub was being asked", () => {
    const fetched = mergeLive(null, "t", [start(span("a", null, 0, null))]);
    const grown = mergeLive(fetched, "t", [
      end(span("a", null, 0, 9)),
      start(span("b", "a", 1, null)),
    ]);
    if (!fetched || !grown) throw new Error("both traces have items");
    const merged = mergeFetched(grown, fetched);
    expect(merged.spans.map(({ span_id, state }) => [span_id, state])).toEqual([
      ["a", "ended"],
      ["b", "open"],
    ]);
  });

  it("is open while a span runs, lost when one was lost, else complete", () => {
    const lost = { ...span("a", null, 0, null), state: "lost" as const };
    expect(stateOf([lost, span("b", null, 0, null)])).toBe("open");
    expect(stateOf([lost, span("b", null, 0, 1)])).toBe("lost");
    expect(stateOf([span("b", null, 0, 1)])).toBe("complete");
  });
});
