import { describe, expect, it } from "vitest";
import { log, span } from "./fixtures.ts";
import { buildSpanTree } from "./span-tree.ts";
import { everyRow, failedRows, matchingRows, nextMatch } from "./waterfall-find.ts";

const failed = { ...span("b", "a", 10, 20), status: "error" as const };
const tree = buildSpanTree(
  [span("a", null, 0, 100), failed, span("c", "a", 30, 40)],
  [log("1", "c", 35, { severity_number: 17 }), log("2", "a", 90)],
);
const rows = everyRow(tree, true);

describe("finding rows", () => {
  it("knows failed spans and log lines that tell of errors", () => {
    expect([...failedRows(rows)]).toEqual(["sb", "l1"]);
  });

  it("goes on from the selected row and begins anew at the end", () => {
    const bad = failedRows(rows);
    expect(nextMatch(rows, bad, null, false)).toBe("sb");
    expect(nextMatch(rows, bad, "sb", false)).toBe("l1");
    expect(nextMatch(rows, bad, "l1", false)).toBe("sb");
  });

  it("goes backwards from the last row when nothing is selected", () => {
    const all = new Set(rows.map(({ key }) => key));
    expect(nextMatch(rows, all, null, true)).toBe("l2");
    expect(nextMatch(rows, all, "sa", true)).toBe("l2");
  });

  it("finds nothing where nothing matches", () => {
    expect(nextMatch(rows, matchingRows(rows, ["elsewhere"]), "sa", false)).toBeNull();
    expect(nextMatch([], new Set(), null, true)).toBeNull();
  });
});
