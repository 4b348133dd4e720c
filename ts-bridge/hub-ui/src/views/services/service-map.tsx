/** The picture of who calls whom, with what each service was asked. */

import { useMemo, useState } from "preact/hooks";
import type { MapEdge, MapNode, ServiceMap } from "../../api-operations.ts";
import { count } from "../../model/attributes.ts";
import {
  layoutGraph,
  NODE_HEIGHT,
  NODE_WIDTH,
  type Placed,
  type Route,
} from "../../model/graph-layout.ts";
import { formatRate, formatShare } from "../../model/throughput.ts";
import { formatDuration } from "../../model/time.ts";
import { ArrowHead } from "../../ui/graph.tsx";
import { sessionHues } from "../../ui/labels.tsx";
import "../../ui/graph.css";

/** With more edges, numbers stand only at those of the service that the pointer is on. */
const EDGES_TOLD = 24;

type Drawn = MapNode & { id: string };

export function ServiceMapView(props: {
  map: ServiceMap;
  /** Length of the time that the counts are of. */
  seconds: number;
  chosen: string;
  onChoose: (service: string) => void;
}) {
  const { map, seconds, chosen, onChoose } = props;
  const layout = useMemo(() => layoutGraph(graphOf(map)), [map]);
  // What the pointer is on, or else what was chosen: the rest stands back.
  const [near, setNear] = useState<string | null>(null);
  const centre = near ?? (chosen || null);
  const joined = useMemo(() => neighbours(map, centre), [map, centre]);
  // Where the numbers of all edges would be a heap, those of one service are told at a time.
  const isCrowded = map.edges.length > EDGES_TOLD;
  const isTold = ({ edge }: Route<MapEdge>) =>
    !isCrowded || (centre !== null && !isAside(edge, centre));
  return (
    <div class="graph service-map" role="figure" aria-label={describe(map)}>
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
            <path
              key={edgeKey(route.edge)}
              d={route.path}
              class={edgeClass(route.edge, centre)}
              marker-end="url(#arrow)"
            />
          ))}
        </svg>
        {layout.routes.filter(isTold).map((route) => (
          <EdgeNote key={edgeKey(route.edge)} route={route} seconds={seconds} centre={centre} />
        ))}
        {layout.placed.map((placed) => (
          <ServiceBox
            key={placed.node.id}
            placed={placed}
            seconds={seconds}
            chosen={placed.node.id === chosen}
            back={centre !== null && !joined.has(placed.node.id)}
            onNear={setNear}
            onChoose={onChoose}
          />
        ))}
      </div>
    </div>
  );
}

function graphOf(map: ServiceMap): { nodes: Drawn[]; edges: MapEdge[] } {
  const asked = new Map<string, number>();
  for (const { source, target } of map.edges) {
    if (source !== target) asked.set(target, (asked.get(target) ?? 0) + 1);
  }
  const nodes = map.nodes.map((node) => ({ ...node, id: node.name }));
  // Whom nobody calls stands first: that is where the work comes in, and where loops are cut.
  nodes.sort((a, b) => (asked.get(a.id) ?? 0) - (asked.get(b.id) ?? 0) || (a.id < b.id ? -1 : 1));
  return { nodes, edges: map.edges };
}

function neighbours(map: ServiceMap, centre: string | null): Set<string> {
  const joined = new Set(centre === null ? [] : [centre]);
  for (const { source, target } of map.edges) {
    if (source === centre) joined.add(target);
    if (target === centre) joined.add(source);
  }
  return joined;
}

function edgeKey({ source, target, type }: MapEdge): string {
  return `${source}\n${target}\n${type}`;
}

function isAside({ source, target }: MapEdge, centre: string | null): boolean {
  return centre !== null && source !== centre && target !== centre;
}

function edgeClass(edge: MapEdge, centre: string | null): string {
  const classes = ["edge", edge.type === "link" ? "edge-message" : "edge-call"];
  if (edge.error_count > 0) classes.push("edge-failed");
  if (isAside(edge, centre)) classes.push("edge-back");
  return classes.join(" ");
}

function EdgeNote(props: { route: Route<MapEdge>; seconds: number; centre: string | null }) {
  const { edge, labelX, labelY } = props.route;
  const failed = edge.error_count > 0;
  const verb = edge.type === "link" ? "is heard by" : "calls";
  const title =
    `${edge.source} ${verb} ${edge.target}: ${count(edge.count)} times, ` +
    `${count(edge.error_count)} failed, p95 ${formatDuration(edge.p95_nano)}`;
  return (
    <span
      class={`edge-label${isAside(edge, props.centre) ? " edge-back" : ""}`}
      style={{ left: `${labelX}px`, top: `${labelY}px` }}
      title={title}
    >
      {formatRate(edge.count, props.seconds)}
      {failed && <b class="bad"> {formatShare(edge.error_count, edge.count)}</b>}
    </span>
  );
}

function ServiceBox(props: {
  placed: Placed<Drawn>;
  seconds: number;
  chosen: boolean;
  back: boolean;
  onNear: (service: string | null) => void;
  onChoose: (service: string) => void;
}) {
  const { node, x, y } = props.placed;
  const classes = ["node", "node-agent"];
  if (props.chosen) classes.push("node-chosen");
  if (props.back) classes.push("edge-back");
  return (
    <button
      type="button"
      class={classes.join(" ")}
      aria-pressed={props.chosen}
      title={`${node.name}: ${count(node.count)} requests, ${count(node.error_count)} failed. Press to see what it did`}
      style={{
        left: `${x}px`,
        top: `${y}px`,
        width: `${NODE_WIDTH}px`,
        height: `${NODE_HEIGHT}px`,
        "--node-color": sessionHues.color(node.name),
      }}
      onPointerEnter={() => props.onNear(node.id)}
      onPointerLeave={() => props.onNear(null)}
      onFocus={() => props.onNear(node.id)}
      onBlur={() => props.onNear(null)}
      onClick={() => props.onChoose(node.id)}
    >
      <span class="node-text">
        <span class="node-name clip">{node.name || "(no service)"}</span>
        <span class="node-facts clip">{facts(node, props.seconds)}</span>
      </span>
    </button>
  );
}

function facts(node: MapNode, seconds: number) {
  if (node.count === 0) return "called by nobody";
  return (
    <>
      {formatRate(node.count, seconds)} · p95 {formatDuration(node.p95_nano)}
      {node.error_count > 0 && (
        <span class="bad"> · {formatShare(node.error_count, node.count)}</span>
      )}
    </>
  );
}

/** The picture in words, for those who do not see it. */
function describe(map: ServiceMap): string {
  const edges = map.edges.map(({ source, target, type }) =>
    type === "link" ? `${target} hears ${source}` : `${source} calls ${target}`,
  );
  return `Services: ${map.nodes.map(({ name }) => name).join(", ")}. ${edges.join(". ")}`;
}
