/** The picture of a run: who asked whom, how often, and for how many tokens. */

import { useMemo, useState } from "preact/hooks";
import type { RunDetail } from "../../api.ts";
import { agentGraph, bandOf, type GraphEdge, type GraphNode } from "../../model/agent-graph.ts";
import { plural, short } from "../../model/attributes.ts";
import {
  layoutGraph,
  NODE_HEIGHT,
  NODE_WIDTH,
  type Placed,
  type Route,
} from "../../model/graph-layout.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { ArrowHead } from "../../ui/graph.tsx";
import type { IconName } from "../../ui/icons.tsx";
import { Icon } from "../../ui/icons.tsx";
import "../../ui/graph.css";

const NODE_ICON: Record<GraphNode["type"], IconName> = {
  agent: "agent",
  model: "llm",
  tool: "tool",
};

export function GraphView(props: {
  run: RunDetail;
  hues: ServiceHues;
  /** A node or edge was chosen: the spans behind it, earliest first. */
  onSpans?: (spanIds: readonly string[]) => void;
}) {
  const { run, hues } = props;
  const layout = useMemo(() => layoutGraph(agentGraph(run), bandOf), [run]);
  // What the pointer or the focus is on: its edges stand out from the others.
  const [near, setNear] = useState<string | null>(null);
  const standsBack = (edge: GraphEdge) =>
    near !== null && near !== edgeKey(edge) && near !== edge.source && near !== edge.target;
  const spansOf = (node: GraphNode): string[] =>
    run.steps
      .filter(({ genai }) => genai && genai.kind === kindOf(node) && nameOf(genai) === node.label)
      .map((step) => step.span_id);
  return (
    <div class="graph" role="figure" aria-label={describe(run)}>
      <div class="graph-canvas" style={{ width: `${layout.width}px` }}>
        <svg
          class="graph-svg"
          width={layout.width}
          height={layout.height}
          viewBox={`0 0 ${layout.width} ${layout.height}`}
          aria-hidden="true"
        >
          <ArrowHead />
          {layout.routes.map((route) => (
            <EdgePath key={edgeKey(route.edge)} route={route} back={standsBack(route.edge)} />
          ))}
        </svg>
        {layout.routes.map((route) => (
          <EdgeLabel
            key={edgeKey(route.edge)}
            route={route}
            back={standsBack(route.edge)}
            onSpans={props.onSpans}
            onNear={setNear}
          />
        ))}
        {layout.placed.map((placed) => (
          <NodeBox
            key={placed.node.id}
            placed={placed}
            hues={hues}
            onOpen={props.onSpans && (() => props.onSpans?.(spansOf(placed.node)))}
            onNear={setNear}
          />
        ))}
      </div>
    </div>
  );
}

function edgeKey(edge: GraphEdge): string {
  return `${edge.source} ${edge.target} ${edge.type}`;
}

function kindOf(node: GraphNode): string {
  return node.type === "model" ? "llm" : node.type;
}

function nameOf(genai: {
  kind: string;
  agent: string | null;
  model: string | null;
  tool: string | null;
}) {
  return genai.kind === "llm" ? genai.model : genai.kind === "tool" ? genai.tool : genai.agent;
}

/** Tells while the pointer or the focus is on something. */
function nearness(id: string, onNear: (id: string | null) => void) {
  return {
    onPointerEnter: () => onNear(id),
    onPointerLeave: () => onNear(null),
    onFocus: () => onNear(id),
    onBlur: () => onNear(null),
  };
}

function EdgePath({ route, back }: { route: Route<GraphEdge>; back: boolean }) {
  return (
    <path
      d={route.path}
      class={`edge edge-${route.edge.type}${back ? " edge-back" : ""}`}
      marker-end="url(#arrow)"
    />
  );
}

function EdgeLabel(props: {
  route: Route<GraphEdge>;
  back: boolean;
  onNear: (id: string | null) => void;
  onSpans?: ((ids: readonly string[]) => void) | undefined;
}) {
  const { edge, labelX, labelY } = props.route;
  const tokens = edge.usage && edge.usage.input_tokens + edge.usage.output_tokens;
  const type = edge.type === "model" || edge.type === "tool" ? "" : edge.type.replace("_", " ");
  const times = edge.count > 1 || !type ? `${edge.count}×` : "";
  const text = [type, times, tokens ? `${short(tokens)} tok` : ""].filter(Boolean).join(" · ");
  return (
    <button
      type="button"
      class={`edge-label edge-label-${edge.type}${props.back ? " edge-back" : ""}`}
      style={{ left: `${labelX}px`, top: `${labelY}px` }}
      disabled={!props.onSpans || edge.spanIds.length === 0}
      title={edgeTitle(edge)}
      {...nearness(edgeKey(edge), props.onNear)}
      onClick={() => props.onSpans?.(edge.spanIds)}
    >
      {text}
    </button>
  );
}

function edgeTitle(edge: GraphEdge): string {
  const [source, target] = [edge.source, edge.target].map((id) => id.slice(id.indexOf(":") + 1));
  const usage = edge.usage
    ? `, ${edge.usage.input_tokens} tokens in, ${edge.usage.output_tokens} out`
    : "";
  return `${source} → ${target}: ${plural(edge.count, edge.type.replace("_", " "))}${usage}`;
}

function NodeBox(props: {
  placed: Placed<GraphNode>;
  hues: ServiceHues;
  onOpen?: (() => void) | undefined;
  onNear: (id: string | null) => void;
}) {
  const { node, x, y } = props.placed;
  const colour =
    node.type === "agent" ? props.hues.color(node.service || node.label) : "var(--text-2)";
  const classes = ["node", `node-${node.type}`];
  if (node.running) classes.push("node-running");
  if (node.errors > 0) classes.push("node-failed");
  return (
    <button
      type="button"
      class={classes.join(" ")}
      style={{
        left: `${x}px`,
        top: `${y}px`,
        width: `${NODE_WIDTH}px`,
        height: `${NODE_HEIGHT}px`,
        "--node-color": colour,
      }}
      disabled={!props.onOpen}
      title={`${node.type} ${node.label}`}
      {...nearness(node.id, props.onNear)}
      onClick={props.onOpen}
    >
      <span class="node-icon">
        <Icon name={NODE_ICON[node.type]} size={18} />
      </span>
      <span class="node-text">
        <span class="node-name clip">{node.label}</span>
        <span class="node-facts clip">{nodeFacts(node)}</span>
      </span>
      {node.errors > 0 && (
        <span class="bad node-errors" title={plural(node.errors, "error")}>
          <Icon name="error" size={14} />
        </span>
      )}
    </button>
  );
}

function nodeFacts(node: GraphNode): string {
  const facts = [];
  if (node.running) facts.push("running");
  if (node.calls > 0) facts.push(plural(node.calls, node.type === "agent" ? "turn" : "call"));
  if (node.usage)
    facts.push(`${short(node.usage.input_tokens)} → ${short(node.usage.output_tokens)} tok`);
  return facts.join(" · ") || node.type;
}

/** The picture in words, for those who do not see it. */
function describe(run: RunDetail): string {
  const edges = run.edges.map(
    (edge) => `${edge.source} ${edge.type.replace("_", " ")} ${edge.target}`,
  );
  return `Agents: ${run.agents.join(", ")}. ${edges.join(". ")}`;
}
