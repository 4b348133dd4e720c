/**
 * Places a small directed graph in layers from left to right.
 *
 * The usual steps (break loops, rank, bend long edges around what lies between, order, place),
 * each in its simplest form that gives the same picture for the same graph every time: runs and
 * maps have tens of nodes, not thousands.
 */

import { type Arrow, type Box, forwardEdges, type Graph } from "./graph-ranks.ts";

export interface Placed<Node> {
  readonly node: Node;
  readonly x: number;
  readonly y: number;
}

export interface Route<Edge> {
  readonly edge: Edge;
  /** SVG path data. */
  readonly path: string;
  /** Middle of the label. */
  readonly labelX: number;
  readonly labelY: number;
  /** Lowest point, for the picture's height. */
  readonly bottom: number;
}

export interface GraphLayout<Node, Edge> {
  readonly placed: Placed<Node>[];
  readonly routes: Route<Edge>[];
  readonly width: number;
  readonly height: number;
}

export const NODE_WIDTH = 204;
export const NODE_HEIGHT = 54;
const GAP_X = 136;
const GAP_Y = 26;
const COLUMN = NODE_WIDTH + GAP_X;
const MARGIN = 16;
/** Room in a column for an edge that passes through it. */
const BEND_HEIGHT = 10;
const SWEEPS = 4;

/** One place in a column: a node, or the bend of an edge on its way to a later column. */
interface Slot {
  readonly id: string;
  readonly node: Box | null;
  /** Lines of slots from top to bottom: those of a lower band stand above the others. */
  readonly band: number;
  readonly column: number;
  readonly near: string[];
  y: number;
}

/** The uppermost band. Edges to what is below run together: each on its own would be a tangle. */
const TOP = 0;

/**
 * Lay out `graph`. `bandOf` keeps kinds of nodes in lines of their own, from top to bottom, with
 * long edges in the second one; without it all stand where their edges lead.
 */
export function layoutGraph<Node extends Box, Edge extends Arrow>(
  graph: Graph<Node, Edge>,
  bandOf?: (node: Node) => number,
): GraphLayout<Node, Edge> {
  const bands = new Map(graph.nodes.map((node) => [node.id, bandOf?.(node) ?? TOP]));
  const forward = forwardEdges(graph);
  const ranks = rank(graph, forward);
  const { columns, bends } = fill(graph, forward, ranks, bands, bandOf ? TOP + 1 : TOP);
  order(columns);
  place(columns);
  makeRoomAbove(graph, columns);
  const slots = new Map(columns.flat().map((slot) => [slot.id, slot]));
  const drawn = graph.edges.flatMap((edge, index) => {
    const from = slots.get(edge.source);
    const to = slots.get(edge.target);
    return from && to ? [route(edge, from, bends.get(index) ?? [], to)] : [];
  });
  const routes = spreadLabels(drawn);
  const placed = columns
    .flat()
    .flatMap(({ node, column, y }) =>
      node ? [{ node: node as Node, x: columnX(column), y }] : [],
    );
  const bottom = Math.max(
    ...placed.map(({ y }) => y + NODE_HEIGHT),
    ...routes.map((r) => r.bottom),
  );
  return {
    placed,
    routes,
    width: columnX(Math.max(0, columns.length - 1)) + NODE_WIDTH + MARGIN,
    height: Math.max(0, bottom) + MARGIN,
  };
}

function columnX(column: number): number {
  return MARGIN + column * COLUMN;
}

/** Longest way from a node that nothing leads to. */
function rank(graph: Graph, forward: ReadonlySet<Arrow>): Map<string, number> {
  const ranks = new Map(graph.nodes.map((node) => [node.id, 0]));
  // No path without loops has more edges than there are nodes, so this many rounds settle it.
  for (let round = 0; round < graph.nodes.length; round += 1) {
    let moved = false;
    for (const edge of forward) {
      const next = (ranks.get(edge.source) ?? 0) + 1;
      if (next > (ranks.get(edge.target) ?? 0)) {
        ranks.set(edge.target, next);
        moved = true;
      }
    }
    if (!moved) break;
  }
  return ranks;
}

function fill(
  graph: Graph,
  forward: ReadonlySet<Arrow>,
  ranks: ReadonlyMap<string, number>,
  bands: ReadonlyMap<string, number>,
  bendBand: number,
): { columns: Slot[][]; bends: Map<number, Slot[]> } {
  const columns: Slot[][] = [];
  const slots = new Map<string, Slot>();
  const put = (id: string, node: Box | null, column: number): Slot => {
    const band = (node && bands.get(node.id)) ?? bendBand;
    const slot: Slot = { id, node, band, column, near: [], y: 0 };
    while (columns.length <= column) columns.push([]);
    columns[column]?.push(slot);
    slots.set(id, slot);
    return slot;
  };
  for (const node of graph.nodes) put(node.id, node, ranks.get(node.id) ?? 0);
  const bends = new Map<number, Slot[]>();
  graph.edges.forEach((edge, index) => {
    const from = slots.get(edge.source);
    const to = slots.get(edge.target);
    if (!from || !to || !forward.has(edge)) return;
    const way: Slot[] = [];
    for (let column = from.column + 1; column < to.column; column += 1) {
      const together = to.band > TOP;
      const id = `bend:${together ? to.id : index}:${column}`;
      way.push(slots.get(id) ?? put(id, null, column));
    }
    bends.set(index, way);
    const chain = [from, ...way, to];
    chain.forEach((slot, step) => {
      const [before, after] = [chain[step - 1], chain[step + 1]];
      if (before) slot.near.push(before.id);
      if (after) slot.near.push(after.id);
    });
  });
  return { columns, bends };
}

/** Band by band, and within those, near to what they are tied to. */
function order(columns: Slot[][]): void {
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) {
    const line = new Map(
      columns.flatMap((column) => column.map((slot, index) => [slot.id, index])),
    );
    const weight = (slot: Slot): number => {
      if (slot.near.length === 0) return line.get(slot.id) ?? 0;
      return slot.near.reduce((sum, id) => sum + (line.get(id) ?? 0), 0) / slot.near.length;
    };
    for (const column of columns) {
      column.sort((a, b) => a.band - b.band || weight(a) - weight(b) || (a.id < b.id ? -1 : 1));
    }
  }
}

/** The top band is kept free of others, so that the way of the work reads as one line. */
function place(columns: Slot[][]): void {
  const lines = Math.max(
    0,
    ...columns.map((column) => column.filter(({ node, band }) => node && band === TOP).length),
  );
  const below = MARGIN + lines * (NODE_HEIGHT + GAP_Y);
  for (const column of columns) {
    let y = MARGIN;
    for (const slot of column) {
      if (slot.band > TOP) y = Math.max(y, below);
      slot.y = y;
      y += (slot.node ? NODE_HEIGHT : BEND_HEIGHT) + GAP_Y;
    }
  }
}

/** Height of a label and a little air. */
const LABEL_LINE = 23;

/** Labels in one gap are kept a line apart, from top to bottom. */
function spreadLabels<Edge>(routes: readonly Route<Edge>[]): Route<Edge>[] {
  const lowest = new Map<number, number>();
  const spread = new Map<Route<Edge>, Route<Edge>>();
  for (const each of [...routes].sort((a, b) => a.labelY - b.labelY)) {
    const free = (lowest.get(each.labelX) ?? Number.NEGATIVE_INFINITY) + LABEL_LINE;
    const labelY = Math.max(each.labelY, free);
    lowest.set(each.labelX, labelY);
    spread.set(each, { ...each, labelY });
  }
  return routes.map((each) => spread.get(each) ?? each);
}

/** Above the first line, where edges back from agent to agent run. */
const LOOP_ROOM = 40;

function isTopLine(slot: Slot, columns: readonly Slot[][]): boolean {
  return columns[slot.column]?.[0] === slot;
}

function makeRoomAbove(graph: Graph, columns: readonly Slot[][]): void {
  const slots = new Map(columns.flat().map((slot) => [slot.id, slot]));
  const isAbove = graph.edges.some(({ source, target }) => {
    const [from, to] = [slots.get(source), slots.get(target)];
    if (!from || !to || to.column > from.column) return false;
    return isTopLine(from, columns) && isTopLine(to, columns);
  });
  if (!isAbove) return;
  for (const slot of slots.values()) slot.y += LOOP_ROOM;
}

function route<Edge>(edge: Edge, from: Slot, bends: readonly Slot[], to: Slot): Route<Edge> {
  return to.column > from.column ? onward(edge, from, bends, to) : back(edge, from, to);
}

function onward<Edge>(edge: Edge, from: Slot, bends: readonly Slot[], to: Slot): Route<Edge> {
  let x = columnX(from.column) + NODE_WIDTH;
  let y = from.y + NODE_HEIGHT / 2;
  let path = `M${x} ${y}`;
  let bottom = y;
  const half = GAP_X / 2;
  for (const bend of bends) {
    const [nextX, nextY] = [columnX(bend.column), bend.y + BEND_HEIGHT / 2];
    path += `C${x + half} ${y} ${nextX - half} ${nextY} ${nextX} ${nextY}H${nextX + NODE_WIDTH}`;
    [x, y] = [nextX + NODE_WIDTH, nextY];
    bottom = Math.max(bottom, y);
  }
  const [endX, endY] = [columnX(to.column), to.y + NODE_HEIGHT / 2];
  path += `C${x + half} ${y} ${endX - half} ${endY} ${endX} ${endY}`;
  // In the first gap, where edges have not joined others yet, and far enough into it that those
  // which leave together have parted.
  const startY = from.y + NODE_HEIGHT / 2;
  const firstY = bends[0] ? bends[0].y + BEND_HEIGHT / 2 : endY;
  return {
    edge,
    path,
    labelX: columnX(from.column) + NODE_WIDTH + GAP_X * 0.56,
    labelY: startY + (firstY - startY) * 0.6,
    bottom: Math.max(bottom, endY),
  };
}

/** Back to an earlier column, or within one: over the top between first lines, else below. */
function back<Edge>(edge: Edge, from: Slot, to: Slot): Route<Edge> {
  const x1 = columnX(from.column) + NODE_WIDTH / 2 + 14;
  const x2 = columnX(to.column) + NODE_WIDTH / 2 - 14;
  if (from.y === MARGIN + LOOP_ROOM && to.y === from.y) {
    const high = from.y - LOOP_ROOM;
    return {
      edge,
      path: `M${x1} ${from.y}C${x1} ${high} ${x2} ${high} ${x2} ${to.y}`,
      labelX: (x1 + x2) / 2,
      labelY: from.y - LOOP_ROOM * 0.75,
      bottom: from.y,
    };
  }
  const y1 = from.y + NODE_HEIGHT;
  const y2 = to.y + NODE_HEIGHT;
  const low = Math.max(y1, y2) + 44;
  return {
    edge,
    path: `M${x1} ${y1}C${x1} ${low} ${x2} ${low} ${x2} ${y2}`,
    labelX: (x1 + x2) / 2,
    labelY: low - 12,
    bottom: low,
  };
}
