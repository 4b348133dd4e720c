import { describe, expect, it } from "vitest";
import type { LiveItem } from "../api.ts";
import { LIVE_KINDS, liveMatcher, logMatcher, parseTerms } from "./filters.ts";
import { genai, log, span } from "./fixtures.ts";

const NONE = { service: "", severity: "", q: "" };

describe("search terms", () => {
  it("are words, phrases and attributes", () => {
    expect(parseTerms('Order "not found" order_id=7 user="Ada L"')).toEqual([
      { key: null, text: "order" },
      { key: null, text: "not found" },
      { key: "order_id", text: "7" },
      { key: "user", text: "ada l" },
    ]);
  });

  it("of blanks are none", () => {
    expect(parseTerms("   ")).toEqual([]);
  });
});

describe("a log filter", () => {
  const placed = log("1", null, 0, {
    body: "order placed",
    attributes: { order_id: 7, customer: "Ada" },
    severity_number: 9,
  });

  it("asks every word of body, event name or attribute values", () => {
    expect(logMatcher({ ...NONE, q: "ORDER ada" })(placed)).toBe(true);
    expect(logMatcher({ ...NONE, q: "order bob" })(placed)).toBe(false);
    expect(logMatcher({ ...NONE, q: "customer" })(placed)).toBe(false);
  });

  it("finds the beginnings of words, whatever their case and accents", () => {
    const café = log("2", null, 0, { body: "Recorded: Café-Order" });
    expect(
      ["ord", "cafe", "CAFÉ", "café-order"].every((q) => logMatcher({ ...NONE, q })(café)),
    ).toBe(true);
    expect(["corded", "rder"].some((q) => logMatcher({ ...NONE, q })(café))).toBe(false);
  });

  it("asks an attribute for its whole value", () => {
    expect(logMatcher({ ...NONE, q: "order_id=7" })(placed)).toBe(true);
    expect(logMatcher({ ...NONE, q: "order_id=70" })(placed)).toBe(false);
    expect(logMatcher({ ...NONE, q: "absent=7" })(placed)).toBe(false);
  });

  it("takes a level and everything above", () => {
    expect(logMatcher({ ...NONE, severity: "info" })(placed)).toBe(true);
    expect(logMatcher({ ...NONE, severity: "warn" })(placed)).toBe(false);
  });

  it("takes one service", () => {
    expect(logMatcher({ ...NONE, service: "s" })(placed)).toBe(true);
    expect(logMatcher({ ...NONE, service: "other" })(placed)).toBe(false);
  });

  it("searches structured bodies too", () => {
    const structured = log("2", null, 0, { body: { event: "refund", cents: 120 } });
    expect(logMatcher({ ...NONE, q: "refund" })(structured)).toBe(true);
  });
});

describe("the live filter", () => {
  const all = { ...NONE, kinds: new Set(LIVE_KINDS) };
  const ended: LiveItem = { t: "span", ...span("GET /stock", null, 0, 1) };
  const failed: LiveItem = { ...ended, status: "error" };
  const agent: LiveItem = { ...ended, genai: genai("agent") };

  it("tells logs, spans and agents apart", () => {
    const spans = liveMatcher({ ...all, kinds: new Set(["spans" as const]) });
    expect([ended, agent, { t: "log" as const, ...log("1", null, 0) }].map(spans)).toEqual([
      true,
      false,
      false,
    ]);
  });

  it("with a level keeps failed spans and leaves the others out", () => {
    const loud = liveMatcher({ ...all, severity: "error" });
    expect([ended, failed].map(loud)).toEqual([false, true]);
  });

  it("searches names of spans", () => {
    expect(liveMatcher({ ...all, q: "stock" })(ended)).toBe(true);
    expect(liveMatcher({ ...all, q: "price" })(ended)).toBe(false);
  });
});
