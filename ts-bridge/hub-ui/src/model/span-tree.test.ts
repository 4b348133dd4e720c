import { describe, expect, it } from "vitest";
import { log, span, time } from "./fixtures.ts";
import { buildSpanTree, type SpanNode, selfTime } from "./span-tree.ts";

const ids = (nodes: readonly SpanNode[]) => nodes.map((node) => node.span.span_id);

describe("a span tree", () => {
  it("puts children under their parents in start order, whatever order they arrive in", () => {
    const tree = buildSpanTree(
      [span("c", "a", 30, 40), span("b", "a", 10, 20), span("a", null, 0, 50)],
      [],
    );
    expect(ids(tree.roots)).toEqual(["a"]);
    expect(ids(tree.roots[0]?.children ?? [])).toEqual(["b", "c"]);
    expect(ids(tree.order)).toEqual(["a", "b", "c"]);
    expect(tree.depth).toBe(1);
  });

  it("measures offsets exactly although the times exceed a number's 53 bits", () => {
    const tree = buildSpanTree([span("a", null, 0, 3), span("b", "a", 1, 2)], []);
    expect(tree.base).toBe(time(0));
    expect(tree.byId.get("b")).toMatchObject({ start: 1, end: 2 });
    expect(tree.extent).toBe(3);
  });

  it("of two spans that start together puts the longer one first", () => {
    const tree = buildSpanTree([span("b", null, 0, 5), span("a", null, 0, 9)], []);
    expect(ids(tree.roots)).toEqual(["a", "b"]);
  });

  it("stands a span without its parent at the top and says so", () => {
    const tree = buildSpanTree([span("a", null, 0, 9), span("b", "gone", 1, 2)], []);
    expect(ids(tree.roots)).toEqual(["a", "b"]);
    expect(tree.byId.get("b")?.broken).toBe("orphan");
    expect(tree.byId.get("a")?.broken).toBeNull();
  });

  it("cuts a loop at its earliest span and loses none of its members", () => {
    const tree = buildSpanTree(
      [span("a", "c", 5, 9), span("b", "a", 1, 9), span("c", "b", 7, 9), span("d", "c", 8, 9)],
      [],
    );
    expect(ids(tree.roots)).toEqual(["b"]);
    expect(tree.byId.get("b")?.broken).toBe("cycle");
    expect(ids(tree.order)).toEqual(["b", "c", "a", "d"]);
  });

  it("takes a span that is its own parent as a root", () => {
    const tree = buildSpanTree([span("a", "a", 0, 1)], []);
    expect(tree.byId.get("a")?.broken).toBe("cycle");
    expect(ids(tree.order)).toEqual(["a"]);
  });

  it("holds a chain of ten thousand spans", () => {
    const spans = Array.from({ length: 10_000 }, (_, index) =>
      span(`s${index}`, index === 0 ? null : `s${index - 1}`, index, 20_000),
    );
    const tree = buildSpanTree(spans.reverse(), []);
    expect(tree.depth).toBe(9_999);
    expect(tree.roots[0]?.below).toBe(9_999);
  });

  it("gives log lines to their spans and keeps those of none", () => {
    const tree = buildSpanTree(
      [span("a", null, 0, 9)],
      [log("2", "a", 5), log("1", "a", 3), log("3", "gone", 4), log("4", null, 2)],
    );
    expect(tree.byId.get("a")?.logs.map(({ id }) => id)).toEqual(["1", "2"]);
    expect(tree.looseLogs.map(({ id }) => id)).toEqual(["4", "3"]);
  });

  it("begins at the earliest record, and reaches to the latest one", () => {
    const tree = buildSpanTree([span("a", null, 10, 20)], [log("1", "a", 5), log("2", "a", 90)]);
    expect(tree.base).toBe(time(5));
    expect(tree.extent).toBe(85);
  });

  it("does not begin at 1970 because of a log line without a time", () => {
    const tree = buildSpanTree(
      [span("a", null, 10, 20)],
      [log("1", "a", 0, { time_unix_nano: "0" })],
    );
    expect(tree.base).toBe(time(10));
  });

  it("counts what is below and knows that something failed there", () => {
    const failed = { ...span("c", "b", 2, 3), status: "error" as const };
    const tree = buildSpanTree(
      [span("a", null, 0, 9), span("b", "a", 1, 8), failed],
      [log("1", "b", 2)],
    );
    expect(tree.byId.get("a")).toMatchObject({ below: 3, errorBelow: true });
    expect(tree.byId.get("c")).toMatchObject({ below: 0, errorBelow: false });
  });

  it("of nothing is empty", () => {
    expect(buildSpanTree([], [])).toMatchObject({ roots: [], order: [], extent: 0, base: "0" });
  });
});

describe("self time", () => {
  const node = (tree: ReturnType<typeof buildSpanTree>, id: string) =>
    tree.byId.get(id) as SpanNode;

  it("counts the time in which no child ran, overlapping children once", () => {
    const tree = buildSpanTree(
      [
        span("a", null, 0, 100),
        span("b", "a", 10, 50),
        span("c", "a", 40, 60),
        span("d", "a", 90, 150),
      ],
      [],
    );
    expect(selfTime(node(tree, "a"), 0)).toBe(100 - 50 - 10);
  });

  it("of a running span goes up to now", () => {
    const tree = buildSpanTree([span("a", null, 0, null), span("b", "a", 10, null)], []);
    expect(selfTime(node(tree, "a"), 70)).toBe(10);
  });
});
