import { describe, expect, it } from "vitest";
import { log, span } from "./fixtures.ts";
import { buildSpanTree, type SpanNode } from "./span-tree.ts";
import {
  flattenRows,
  MAX_INDENT,
  NOTHING_FOLDED,
  reveal,
  rowMatches,
  stepFold,
  toggleFold,
} from "./waterfall-rows.ts";

const SPANS = [
  span("a", null, 0, 100),
  span("b", "a", 10, 50),
  span("c", "b", 20, 30),
  span("d", "a", 60, 90),
];
const tree = buildSpanTree(SPANS, [log("1", "a", 55), log("2", "b", 15), log("3", null, 200)]);
const keys = (fold = NOTHING_FOLDED, withLogs = true) =>
  flattenRows(tree, fold, withLogs).map(({ key }) => key);

describe("the rows of a waterfall", () => {
  it("have log lines among the spans at their moment", () => {
    expect(keys()).toEqual(["sa", "sb", "l2", "sc", "l1", "sd", "l3"]);
  });

  it("are spans alone when log lines are off", () => {
    expect(keys(NOTHING_FOLDED, false)).toEqual(["sa", "sb", "sc", "sd"]);
  });

  it("leave out what a folded span holds", () => {
    expect(keys(toggleFold(NOTHING_FOLDED, "b"))).toEqual(["sa", "sb", "l1", "sd", "l3"]);
  });

  it("fold level by level, and unfold one span of a folded level", () => {
    const level = stepFold(NOTHING_FOLDED, tree.depth, -1);
    expect(keys(level)).toEqual(["sa", "sb", "l1", "sd", "l3"]);
    expect(keys(toggleFold(level, "b"))).toEqual(keys());
    expect(keys(stepFold(level, tree.depth, -1))).toEqual(["sa", "l3"]);
    expect(stepFold(level, tree.depth, 1)).toEqual(NOTHING_FOLDED);
  });

  it("unfold all that hides a span when it is to be shown", () => {
    const folded = { level: 0, flipped: new Set<string>() };
    expect(keys(reveal(folded, tree.byId.get("c") as SpanNode))).toContain("sc");
  });

  it("know where lines run through: beside children of a span that has siblings to come", () => {
    const rows = flattenRows(tree, NOTHING_FOLDED, true);
    const row = (key: string) => rows.find((each) => each.key === key);
    expect(row("sc")).toMatchObject({ indent: 2, guides: 0b11, last: true });
    expect(row("sd")).toMatchObject({ indent: 1, guides: 0b1, last: true });
  });

  it("stop indenting when there would be no room for names", () => {
    const chain = Array.from({ length: 60 }, (_, index) =>
      span(`n${index}`, index === 0 ? null : `n${index - 1}`, index, 100),
    );
    const rows = flattenRows(buildSpanTree(chain, []), NOTHING_FOLDED, true);
    expect(rows).toHaveLength(60);
    expect(rows.at(-1)?.indent).toBe(MAX_INDENT);
  });

  it("match when every word is in name, service, message or attributes", () => {
    const found = buildSpanTree(
      [{ ...span("GET /stock", null, 0, 1), attributes: { sku: "20-118" } }],
      [],
    );
    const row = flattenRows(found, NOTHING_FOLDED, true)[0];
    expect(row && rowMatches(row, ["stock", "20-118"])).toBe(true);
    expect(row && rowMatches(row, ["stock", "other"])).toBe(false);
    expect(row && rowMatches(row, [])).toBe(false);
  });
});
