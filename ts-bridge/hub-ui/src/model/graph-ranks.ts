/** The edges of a graph that lead onward: all but those which close a loop. */

/** What a graph's pictures have to know of a node. */
export interface Box {
  readonly id: string;
}

/** What they have to know of an edge: the ids of its nodes. */
export interface Arrow {
  readonly source: string;
  readonly target: string;
}

export interface Graph<Node extends Box = Box, Edge extends Arrow = Arrow> {
  readonly nodes: readonly Node[];
  readonly edges: readonly Edge[];
}

/** Walks depth first from each node in the given order; an edge to a node on the way is a loop's. */
export function forwardEdges<Edge extends Arrow>(graph: Graph<Box, Edge>): Set<Edge> {
  const outgoing = new Map<string, Edge[]>();
  for (const edge of graph.edges) {
    const list = outgoing.get(edge.source);
    if (list) list.push(edge);
    else outgoing.set(edge.source, [edge]);
  }
  const forward = new Set<Edge>();
  const state = new Map<string, "on the way" | "done">();
  for (const node of graph.nodes) {
    if (!state.has(node.id)) walk(node.id, outgoing, state, forward);
  }
  return forward;
}

function walk<Edge extends Arrow>(
  start: string,
  outgoing: ReadonlyMap<string, readonly Edge[]>,
  state: Map<string, "on the way" | "done">,
  forward: Set<Edge>,
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
