import { describe, expect, it } from "vitest";
import type { GenAI, Span } from "../api.ts";
import { agentGraph, bandOf, runFromSpans } from "./agent-graph.ts";
import { genai, span } from "./fixtures.ts";
import { layoutGraph, NODE_HEIGHT, NODE_WIDTH } from "./graph-layout.ts";

const step = (id: string, parent: string | null, start: number, facts: GenAI): Span => ({
  ...span(id, parent, start, start + 5),
  genai: facts,
});

const SPANS = [
  span("web", null, 0, 100),
  step("planner", "web", 1, genai("agent", { agent: "planner", conversation: "c1" })),
  step(
    "ask",
    "planner",
    2,
    genai("llm", { agent: "planner", model: "m1", usage: { input_tokens: 10, output_tokens: 4 } }),
  ),
  step("look", "planner", 3, genai("tool", { agent: "planner", tool: "stock" })),
  step(
    "again",
    "planner",
    4,
    genai("llm", { agent: "planner", model: "m1", usage: { input_tokens: 5, output_tokens: 1 } }),
  ),
  step("hand", "planner", 5, genai("handoff", { agent: "planner", target: "writer" })),
  step("writer", "hand", 6, genai("agent", { agent: "writer" })),
  step(
    "write",
    "writer",
    7,
    genai("llm", { agent: "writer", model: "m1", usage: { input_tokens: 1, output_tokens: 9 } }),
  ),
  step("checker", "writer", 8, genai("agent", { agent: "checker" })),
];

describe("a run made from spans", () => {
  const run = runFromSpans("t", SPANS);

  it("counts turns, calls and tokens of each agent", () => {
    expect(run?.agent_details).toMatchObject([
      {
        name: "planner",
        invocations: 1,
        llm_calls: 2,
        tool_calls: 1,
        models: ["m1"],
        usage: { input_tokens: 15, output_tokens: 5 },
      },
      { name: "writer", llm_calls: 1, usage: { input_tokens: 1, output_tokens: 9 } },
      { name: "checker", usage: null },
    ]);
    expect(run).toMatchObject({ llm_calls: 3, tool_calls: 1, handoffs: 1, conversation: "c1" });
  });

  it("has a handoff where one was made, and a call where an agent waits for another", () => {
    expect(run?.edges).toMatchObject([
      { source: "planner", target: "writer", type: "handoff", count: 1, span_ids: ["hand"] },
      { source: "writer", target: "checker", type: "call", count: 1 },
    ]);
  });

  it("is none where no span is an agent's", () => {
    expect(runFromSpans("t", [span("a", null, 0, 1)])).toBeNull();
  });
});

describe("the graph of a run", () => {
  const run = runFromSpans("t", SPANS);
  if (!run) throw new Error("the spans are agents'");
  const graph = agentGraph(run);

  it("has agents, the model they share and the tool, each once", () => {
    expect(graph.nodes.map(({ id, calls }) => [id, calls])).toEqual([
      ["agent:planner", 1],
      ["agent:writer", 1],
      ["agent:checker", 1],
      ["tool:stock", 1],
      ["model:m1", 3],
    ]);
  });

  it("carries tokens on the way to the model", () => {
    const asked = graph.edges.filter(({ type }) => type === "model");
    expect(asked.map(({ source, count, usage }) => [source, count, usage?.input_tokens])).toEqual([
      ["agent:planner", 2, 15],
      ["agent:writer", 1, 1],
    ]);
  });

  it("takes tools from the hub's edges without counting them twice", () => {
    const told = agentGraph({
      ...run,
      edges: [{ source: "planner", target: "stock", type: "tool", count: 1, span_ids: ["look"] }],
    });
    expect(told.edges.filter(({ type }) => type === "tool")).toHaveLength(1);
    expect(told.nodes.filter(({ id }) => id === "tool:stock")).toHaveLength(1);
  });
});

describe("the layout of a graph", () => {
  const node = (id: string, type: "agent" | "tool" | "model" = "agent") => ({
    id,
    type,
    label: id,
    calls: 1,
    errors: 0,
    usage: null,
    service: "",
    running: false,
  });
  const edge = (source: string, target: string) => ({
    source,
    target,
    type: "call" as const,
    count: 1,
    usage: null,
    spanIds: [],
  });

  it("leads from left to right, and overlaps nothing", () => {
    const run = runFromSpans("t", SPANS);
    if (!run) throw new Error("the spans are agents'");
    const { placed, width, height } = layoutGraph(agentGraph(run), bandOf);
    const x = new Map(placed.map((each) => [each.node.id, each.x]));
    expect(x.get("agent:planner")).toBeLessThan(x.get("agent:writer") ?? 0);
    for (const [index, a] of placed.entries()) {
      expect(a.x + NODE_WIDTH).toBeLessThanOrEqual(width);
      expect(a.y + NODE_HEIGHT).toBeLessThanOrEqual(height);
      for (const b of placed.slice(index + 1)) {
        expect(Math.abs(a.x - b.x) >= NODE_WIDTH || Math.abs(a.y - b.y) >= NODE_HEIGHT).toBe(true);
      }
    }
  });

  it("bears loops, and edges back to where they came from", () => {
    const { placed, routes } = layoutGraph({
      nodes: [node("a"), node("b"), node("c")],
      edges: [edge("a", "b"), edge("b", "c"), edge("c", "a"), edge("b", "b")],
    });
    expect(placed.map(({ x }) => x)).toEqual([...placed.map(({ x }) => x)].sort((p, q) => p - q));
    expect(routes).toHaveLength(4);
  });

  it("leads a long edge around what lies between", () => {
    const { routes, placed } = layoutGraph(
      {
        nodes: [node("a"), node("b"), node("m", "model")],
        edges: [edge("a", "b"), edge("b", "m"), edge("a", "m")],
      },
      bandOf,
    );
    const between = placed.find((each) => each.node.id === "b");
    const long = routes.find((each) => each.edge.source === "a" && each.edge.target === "m");
    const straight = long?.path.match(/ (\d+)H/)?.[1];
    expect(Number(straight)).toBeGreaterThan((between?.y ?? 0) + NODE_HEIGHT);
  });

  it("puts no label on top of another, where edges run together to one model", () => {
    const { routes } = layoutGraph(
      {
        nodes: [node("a"), node("b"), node("c"), node("d"), node("m", "model")],
        edges: [
          edge("a", "c"),
          edge("b", "c"),
          edge("c", "d"),
          edge("d", "m"),
          edge("a", "m"),
          edge("b", "m"),
        ],
      },
      bandOf,
    );
    for (const [index, a] of routes.entries()) {
      for (const b of routes.slice(index + 1)) {
        expect(a.labelX !== b.labelX || Math.abs(a.labelY - b.labelY) >= 20).toBe(true);
      }
    }
  });

  it("is the same for the same graph", () => {
    const graph = {
      nodes: [node("b"), node("a"), node("t", "tool")],
      edges: [edge("a", "t"), edge("b", "t")],
    };
    expect(layoutGraph(graph, bandOf)).toEqual(layoutGraph(structuredClone(graph), bandOf));
  });

  it("of nothing is empty", () => {
    expect(layoutGraph({ nodes: [], edges: [] })).toMatchObject({ placed: [], routes: [] });
  });
});
