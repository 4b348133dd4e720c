import { describe, expect, it } from "vitest";
import { inline, logText, parseStructure, plural, pretty, short, summary } from "./attributes.ts";
import { genai, log, span } from "./fixtures.ts";
import { histogram } from "./histogram.ts";
import { firstFolds, jsonLines } from "./json-lines.ts";
import { messagesOf } from "./messages.ts";
import { HUES, ServiceHues } from "./service-hues.ts";
import { levelOf, severityFrom } from "./severity.ts";

describe("attribute values", () => {
  it("stand on one line in a row", () => {
    expect(inline("a\n  b")).toBe("a b");
    expect(inline({ a: [1, true, null] })).toBe('{"a":[1,true,null]}');
  });

  it("lay out JSON that had to travel as a string, when it is long", () => {
    expect(pretty('{"a":1}')).toBe('{"a":1}');
    expect(pretty(JSON.stringify({ text: "x".repeat(60) }))).toContain("\n");
    expect(pretty("{not json}")).toBe("{not json}");
    expect(pretty(null)).toBe("null");
    expect(parseStructure("7")).toBeNull();
  });

  it("are summed up without what every record carries", () => {
    const pairs = summary({
      "code.function.name": "f",
      "thread.id": 1,
      order_id: 7,
      note: "x".repeat(200),
    });
    expect(pairs.map(({ key }) => key)).toEqual(["order_id", "note"]);
    expect(pairs[1]?.value).toHaveLength(80);
  });

  it("say something for a log line without a body", () => {
    expect(logText(log("1", null, 0, { body: null, event_name: "app.started" }))).toBe(
      "app.started",
    );
    expect(logText(log("1", null, 0, { body: "" }))).toBe("(empty)");
  });

  it("count shortly", () => {
    expect([0, 999, 1_200, 34_000, 999_700, 1_500_000].map(short)).toEqual([
      "0",
      "999",
      "1.2k",
      "34k",
      "1.0M",
      "1.5M",
    ]);
    expect([plural(1, "span"), plural(1_204, "span")]).toEqual(["1 span", "1,204 spans"]);
  });
});

describe("levels", () => {
  it("are OpenTelemetry's four numbers each", () => {
    expect([1, 5, 8, 9, 13, 17, 21, 24].map(levelOf)).toEqual([
      "trace",
      "debug",
      "debug",
      "info",
      "warn",
      "error",
      "fatal",
      "fatal",
    ]);
    expect(levelOf(0)).toBe("info");
    expect(severityFrom("warn")).toBe(13);
    expect(severityFrom("nonsense")).toBe(0);
  });
});

describe("hues", () => {
  it("are given out in first-seen order and stay", () => {
    const hues = new ServiceHues();
    expect(["a", "b", "a", "c"].map((name) => hues.of(name))).toEqual([0, 1, 0, 2]);
  });

  it("begin again when the palette is used up", () => {
    const hues = new ServiceHues();
    const given = Array.from({ length: HUES + 1 }, (_, index) => hues.of(`s${index}`));
    expect(given.at(-1)).toBe(0);
  });
});

describe("JSON as lines", () => {
  it("reads as JSON again", () => {
    const value = { a: [1, { b: "x" }, []], c: {}, d: null };
    const lines = jsonLines(value, new Set());
    const text = lines
      .map(({ key, text }) => (key === null ? "" : `${JSON.stringify(key)}: `) + text)
      .join("\n");
    expect(JSON.parse(text)).toEqual(value);
    expect(new Set(lines.map(({ path }) => path)).size).toBe(lines.length);
  });

  it("folds a value to one line that says how much is in it", () => {
    const lines = jsonLines({ a: [1, 2, 3] }, new Set([".a"]));
    expect(lines.map(({ text }) => text)).toEqual(["{", "[ 3 items ]", "}"]);
  });

  it("begins with one line a record where there are too many to lay out", () => {
    const spans = Array.from({ length: 30_000 }, (_, index) => ({
      spanId: String(index),
      name: "n",
      kind: 1,
    }));
    const document = { resourceSpans: [{ scopeSpans: [{ spans }] }] };
    const lines = jsonLines(document, firstFolds(document));
    expect(lines.filter(({ type }) => type === "folded")).toHaveLength(30_000);
    expect(firstFolds({ resourceSpans: [] }).size).toBe(0);
  });
});

describe("messages", () => {
  it("are read from the convention's attributes, also when these are JSON in strings", () => {
    const parts = [
      { type: "text", content: "hello" },
      { type: "tool_call", name: "stock", arguments: { sku: 1 } },
    ];
    const messages = messagesOf({
      ...span("a", null, 0, 1),
      attributes: {
        "gen_ai.system_instructions": [{ type: "text", content: "be kind" }],
        "gen_ai.input.messages": JSON.stringify([
          { role: "user", parts: [{ type: "text", content: "hi" }] },
        ]),
        "gen_ai.output.messages": [{ role: "assistant", parts }],
      },
    });
    expect(messages.map(({ role, direction }) => [role, direction])).toEqual([
      ["system", "in"],
      ["user", "in"],
      ["assistant", "out"],
    ]);
    expect(messages[2]?.parts).toEqual([
      { type: "text", name: null, text: "hello" },
      { type: "call", name: "stock", text: '{"sku":1}' },
    ]);
  });

  it("are read in the older form with content and tool_calls", () => {
    const messages = messagesOf({
      ...span("a", null, 0, 1),
      attributes: {
        "gen_ai.output.messages": [
          {
            role: "assistant",
            content: "let me see",
            tool_calls: [{ function: { name: "stock", arguments: "{}" } }],
          },
        ],
      },
    });
    expect(messages[0]?.parts).toEqual([
      { type: "text", name: null, text: "let me see" },
      { type: "call", name: "stock", text: "{}" },
    ]);
  });

  it("are taken as the hub has understood them, when it has", () => {
    const messages = messagesOf({
      ...span("a", null, 0, 1),
      attributes: { "gen_ai.input.messages": "raw" },
      genai: genai("tool", {
        messages: {
          system: [],
          input: [
            {
              role: "assistant",
              parts: [{ type: "tool_call", id: "1", name: "stock", arguments: {} }],
            },
          ],
          output: [
            { role: "tool", parts: [{ type: "tool_call_response", id: "1", response: "4 left" }] },
          ],
        },
      }),
    });
    expect(messages.map(({ parts }) => parts[0])).toEqual([
      { type: "call", name: "stock", text: "{}" },
      { type: "result", name: null, text: "4 left" },
    ]);
  });

  it("hide nothing that they do not understand", () => {
    const messages = messagesOf({
      ...span("a", null, 0, 1),
      attributes: {
        "gen_ai.input.messages": [{ role: "user", parts: [{ type: "hologram", data: 7 }] }],
      },
    });
    expect(messages[0]?.parts[0]).toEqual({
      type: "other",
      name: null,
      text: '{"type":"hologram","data":7}',
    });
  });
});

describe("a histogram", () => {
  it("counts every line once, by time and loudness", () => {
    const logs = [
      log("1", null, 0),
      log("2", null, 1e9, { severity_number: 13 }),
      log("3", null, 4e9, { severity_number: 17 }),
    ];
    const { buckets, most } = histogram(logs, 4);
    expect(buckets.map(({ counts }) => [counts.quiet, counts.warn, counts.error])).toEqual([
      [1, 0, 0],
      [0, 1, 0],
      [0, 0, 0],
      [0, 0, 1],
    ]);
    expect(most).toBe(1);
  });

  it("of nothing, or of one moment, is no trouble", () => {
    expect(histogram([], 4)).toEqual({ buckets: [], most: 0 });
    expect(histogram([log("1", null, 0)], 4).most).toBe(1);
  });
});
