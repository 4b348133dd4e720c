/** The edges of a graph that lead onward: all but those which close a loop. */

import type { AgentGraph, GraphEdge } from "./agent-graph.ts";

/** Walks depth first from each node in the given order; an edge to a node on the way is a loop's. */
export function forwardEdges(graph: AgentGraph): Set<GraphEdge> {
  const outgoing = new Map<string, GraphEdge[]>();
  for (const edge of graph.edges) {
    const list = outgoing.get(edge.source);
    if (list) list.push(edge);
    else outgoing.set(edge.source, [edge]);
  }
  const forward = new Set<GraphEdge>();
  const state = new Map<string, "on the way" | "done">();
  for (const node of graph.nodes) {
    if (!state.has(node.id)) walk(node.id, outgoing, state, forward);
  }
  return forward;
}

function walk(
  start: string,
  outgoing: ReadonlyMap<string, readonly GraphEdge[]>,
  state: Map<string, "on the way" | "done">,
  forward: Set<GraphEdge>,
): void {
  const way = [{ id: start, next: 0 }];
  state.set(start, "on the way");
  for (let top = way.at(-1); top !== undefined; top = way.at(-1)) {
    const edge = outgoing.get(top.id)?.[top.next];
    if (edge === undefined) {
      state.set(top.id, "done");
      way.pop();
      continue;
    }
    top.next += 1;
    const target = state.get(edge.target);
    if (target === "on the way") continue;
    forward.add(edge);
    if (target === undefined) {
      state.set(edge.target, "on the way");
      way.push({ id: edge.target, next: 0 });
    }
  }
}
