import { describe, expect, it } from "vitest";
import { conditionsIn, holds, splitSearch } from "./conditions.ts";

describe("comparisons in a search", () => {
  it("are parted from its words", () => {
    expect(splitSearch("order http.status_code>=500 user=Ada cached!=true")).toEqual({
      q: "order user=Ada",
      attr: ["http.status_code>=500", "cached!=true"],
    });
    expect(splitSearch('name!="Ada L" "not > found"')).toEqual({
      q: '"not > found"',
      attr: ['name!="Ada L"'],
    });
    expect(splitSearch("a -> b")).toEqual({ q: "a -> b", attr: [] });
  });

  it("hold by type and value, and never of what is not there", () => {
    const [least, other, text] = conditionsIn('code>=500 user!=Ada id!="7"');
    if (!least || !other || !text) throw new Error("three were written");
    expect(holds(least, { code: 503 })).toBe(true);
    expect(holds(least, { code: "503" })).toBe(false);
    expect(holds(least, {})).toBe(false);
    expect(holds(other, { user: "Grace" })).toBe(true);
    expect(holds(other, {})).toBe(false);
    expect(holds(text, { id: 7 })).toBe(true);
    expect(holds(text, { id: "7" })).toBe(false);
  });
});
