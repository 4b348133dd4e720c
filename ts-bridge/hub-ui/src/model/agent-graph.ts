/** An agent run as a graph: agents, the models they ask and the tools they use. */

import type { AgentDetail, EdgeType, GenAIKind, RunDetail, RunEdge, Span, Usage } from "../api.ts";
import { compareTime, offsetNano } from "./time.ts";
import { stateOf } from "./trace-merge.ts";

export type NodeType = "agent" | "model" | "tool";

const BAND: Record<NodeType, number> = { agent: 0, tool: 1, model: 2 };

/** Agents stand above tools above models. */
export function bandOf({ type }: { type: NodeType }): number {
  return BAND[type];
}

export interface GraphNode {
  /** `agent:planner` */
  readonly id: string;
  readonly type: NodeType;
  readonly label: string;
  /** Times it was invoked, asked or called. */
  readonly calls: number;
  readonly errors: number;
  readonly usage: Usage | null;
  readonly service: string;
  /** Whether one of its spans is running. */
  readonly running: boolean;
}

export interface GraphEdge {
  readonly source: string;
  readonly target: string;
  readonly type: EdgeType | "model";
  readonly count: number;
  readonly usage: Usage | null;
  readonly spanIds: readonly string[];
}

export interface AgentGraph {
  readonly nodes: GraphNode[];
  readonly edges: GraphEdge[];
}

export function agentGraph(run: RunDetail): AgentGraph {
  const nodes = new Map<string, GraphNode>();
  const running = runningNodes(run.steps);
  for (const agent of run.agent_details) {
    addNode(nodes, "agent", agent.name, running, {
      calls: agent.invocations,
      errors: agent.error_count,
      usage: agent.usage,
      service: agent.service,
    });
  }
  const edges = [...agentEdges(run, nodes, running), ...modelEdges(run, nodes, running)];
  return { nodes: [...nodes.values()], edges };
}

interface NodeFacts {
  readonly calls: number;
  readonly errors: number;
  readonly usage: Usage | null;
  readonly service: string;
}

const NO_FACTS: NodeFacts = { calls: 0, errors: 0, usage: null, service: "" };

function addNode(
  nodes: Map<string, GraphNode>,
  type: NodeType,
  label: string,
  running: ReadonlySet<string>,
  facts: NodeFacts = NO_FACTS,
): string {
  const id = `${type}:${label}`;
  const known = nodes.get(id);
  nodes.set(id, {
    id,
    type,
    label,
    calls: (known?.calls ?? 0) + facts.calls,
    errors: (known?.errors ?? 0) + facts.errors,
    usage: addUsage(known?.usage ?? null, facts.usage),
    service: known?.service || facts.service,
    running: running.has(id),
  });
  return id;
}

function runningNodes(steps: readonly Span[]): Set<string> {
  const running = new Set<string>();
  for (const { genai, state } of steps) {
    if (genai === null || state !== "open") continue;
    if (genai.kind === "agent" && genai.agent) running.add(`agent:${genai.agent}`);
    if (genai.kind === "llm" && genai.model) running.add(`model:${genai.model}`);
    if (genai.kind === "tool" && genai.tool) running.add(`tool:${genai.tool}`);
  }
  return running;
}

/** Edges among agents as the hub tells them, and those to tools. */
function agentEdges(
  run: RunDetail,
  nodes: Map<string, GraphNode>,
  running: ReadonlySet<string>,
): GraphEdge[] {
  const edges: GraphEdge[] = [];
  const told = new Set<string>();
  for (const edge of run.edges) {
    const source = addNode(nodes, "agent", edge.source, running);
    const isTool = edge.type === "tool";
    const target = addNode(nodes, isTool ? "tool" : "agent", edge.target, running);
    if (isTool) told.add(`${source} ${target}`);
    edges.push({ ...edge, source, target, usage: null, spanIds: edge.span_ids });
  }
  for (const agent of run.agent_details) {
    for (const tool of agent.tools) {
      const source = `agent:${agent.name}`;
      const facts = { ...NO_FACTS, calls: tool.calls, errors: tool.error_count };
      const target = addNode(nodes, "tool", tool.name, running, facts);
      if (told.has(`${source} ${target}`)) continue;
      const spanIds = stepIds(run.steps, agent.name, "tool", tool.name);
      edges.push({ source, target, type: "tool", count: tool.calls, usage: null, spanIds });
    }
  }
  return edges;
}

/** One edge for each agent and model, with the tokens that went over it. */
function modelEdges(
  run: RunDetail,
  nodes: Map<string, GraphNode>,
  running: ReadonlySet<string>,
): GraphEdge[] {
  const edges: GraphEdge[] = [];
  for (const agent of run.agent_details) {
    for (const model of agent.models) {
      const steps = run.steps.filter(
        ({ genai }) => genai?.kind === "llm" && genai.agent === agent.name && genai.model === model,
      );
      // Where the steps do not say whose they are, all of the agent's calls were to its one model.
      const calls = steps.length || (agent.models.length === 1 ? agent.llm_calls : 0);
      const usage = steps.length
        ? steps.reduce<Usage | null>((sum, step) => addUsage(sum, step.genai?.usage ?? null), null)
        : agent.models.length === 1
          ? agent.usage
          : null;
      const errors = steps.filter((step) => step.status === "error").length;
      const target = addNode(nodes, "model", model, running, { ...NO_FACTS, calls, errors, usage });
      edges.push({
        source: `agent:${agent.name}`,
        target,
        type: "model",
        count: calls,
        usage,
        spanIds: steps.map((step) => step.span_id),
      });
    }
  }
  return edges;
}

function stepIds(steps: readonly Span[], agent: string, kind: GenAIKind, name: string): string[] {
  return steps
    .filter(({ genai }) => genai?.kind === kind && genai.agent === agent && genai.tool === name)
    .map((step) => step.span_id);
}

export function addUsage(a: Usage | null, b: Usage | null): Usage | null {
  if (a === null || b === null) return a ?? b;
  return {
    input_tokens: a.input_tokens + b.input_tokens,
    output_tokens: a.output_tokens + b.output_tokens,
  };
}

/**
 * A run made from the spans at hand, for the moments before the hub has put one together: a trace
 * that is still growing shows its agents at once. Null where no span is an agent's.
 */
export function runFromSpans(traceId: string, spans: readonly Span[]): RunDetail | null {
  const steps = spans.filter((span) => span.genai !== null);
  const first = steps[0];
  if (first === undefined) return null;
  const agents = detailsOf(steps);
  const edges = edgesOf(steps);
  const end = Math.max(
    ...steps.map(
      (step) =>
        offsetNano(step.start_time_unix_nano, first.start_time_unix_nano) +
        (step.duration_nano ?? 0),
    ),
  );
  const isKind = (kind: GenAIKind) => steps.filter((step) => step.genai?.kind === kind).length;
  return {
    run_id: traceId,
    name: first.name,
    state: stateOf(steps),
    start_time_unix_nano: first.start_time_unix_nano,
    duration_nano: end,
    trace_ids: [traceId],
    conversation: first.genai?.conversation ?? null,
    agents: agents.map((agent) => agent.name),
    llm_calls: isKind("llm"),
    tool_calls: isKind("tool"),
    handoffs: edges.filter((edge) => edge.type === "handoff").length,
    error_count: steps.filter((step) => step.status === "error").length,
    usage: agents.reduce<Usage | null>((sum, agent) => addUsage(sum, agent.usage), null),
    agent_details: agents,
    edges,
    steps: [...steps].sort((a, b) => compareTime(a.start_time_unix_nano, b.start_time_unix_nano)),
  };
}

interface Draft extends AgentDetail {
  models: string[];
}

function detailsOf(steps: readonly Span[]): AgentDetail[] {
  const drafts = new Map<string, Draft>();
  const draft = (name: string, service: string): Draft => {
    let found = drafts.get(name);
    if (found === undefined) {
      found = {
        name,
        service,
        invocations: 0,
        llm_calls: 0,
        tool_calls: 0,
        models: [],
        tools: [],
        error_count: 0,
        usage: null,
      };
      drafts.set(name, found);
    }
    return found;
  };
  for (const step of steps) {
    const genai = step.genai;
    if (!genai?.agent) continue;
    const agent = draft(genai.agent, step.service);
    const failed = step.status === "error" ? 1 : 0;
    if (genai.kind === "agent") {
      agent.invocations += 1;
      agent.error_count += failed;
    } else if (genai.kind === "llm") {
      agent.llm_calls += 1;
      agent.usage = addUsage(agent.usage, genai.usage);
      if (genai.model && !agent.models.includes(genai.model)) agent.models.push(genai.model);
    } else if (genai.kind === "tool" && genai.tool) {
      agent.tool_calls += 1;
      const tool = agent.tools.find(({ name }) => name === genai.tool);
      if (tool) {
        tool.calls += 1;
        tool.error_count += failed;
      } else agent.tools.push({ name: genai.tool, calls: 1, error_count: failed });
    }
  }
  return [...drafts.values()];
}

function edgesOf(steps: readonly Span[]): RunEdge[] {
  const byId = new Map(steps.map((step) => [step.span_id, step]));
  const edges = new Map<string, RunEdge>();
  const add = (source: string, target: string, type: EdgeType, spanId: string) => {
    if (source === target) return;
    const key = `${source}\n${target}\n${type}`;
    const edge = edges.get(key) ?? { source, target, type, count: 0, span_ids: [] };
    edge.count += 1;
    edge.span_ids.push(spanId);
    edges.set(key, edge);
  };
  for (const step of steps) {
    const genai = step.genai;
    if (genai?.kind === "handoff" && genai.agent && genai.target) {
      add(genai.agent, genai.target, "handoff", step.span_id);
    } else if (genai?.kind === "agent" && genai.agent) {
      const caller = callerOf(step, byId);
      if (caller !== null) add(caller, genai.agent, "call", step.span_id);
    }
  }
  return [...edges.values()];
}

/** The agent that waits for this one: the nearest above; null below a handoff, which says it. */
function callerOf(step: Span, byId: ReadonlyMap<string, Span>): string | null {
  const seen = new Set<string>();
  let parentId = step.parent_span_id;
  while (parentId !== null && !seen.has(parentId)) {
    seen.add(parentId);
    const parent = byId.get(parentId);
    if (parent === undefined || parent.genai?.kind === "handoff") return null;
    if (parent.genai?.kind === "agent") return parent.genai.agent;
    parentId = parent.parent_span_id;
  }
  return null;
}
