/** A JSON value as lines that can be folded: what the JSON tab shows, one row a line. */

import type { AttributeValue } from "../api.ts";

export interface JsonLine {
  /** Path of the value, unique: `.resourceSpans.0.resource`. Closing lines end in `/`. */
  readonly path: string;
  readonly depth: number;
  /** Property name or null in arrays and at the top. */
  readonly key: string | null;
  readonly type: "string" | "number" | "boolean" | "null" | "open" | "close" | "folded";
  /** The value or bracket as text, with the comma that follows it. */
  readonly text: string;
}

/** Lay out with everything in `folded` (paths) on one line. */
export function jsonLines(value: AttributeValue, folded: ReadonlySet<string>): JsonLine[] {
  const lines: JsonLine[] = [];
  lay(lines, value, "", null, 0, "", folded);
  return lines;
}

/** Values of more parts than this begin folded: a browser cannot hold that many lines at once. */
const OPEN_PARTS = 100_000;
/** `resourceSpans.0.scopeSpans.0.spans.0`: where a large document is folded, one line a record. */
const RECORD_DEPTH = 6;

/** The paths to fold at first: none of a small document, every record of a large one. */
export function firstFolds(value: AttributeValue): Set<string> {
  const folded = new Set<string>();
  if (countParts(value) <= OPEN_PARTS) return folded;
  const level = (part: AttributeValue, path: string, depth: number) => {
    if (part === null || typeof part !== "object") return;
    if (depth === RECORD_DEPTH) folded.add(path);
    else for (const [name, item] of Object.entries(part)) level(item, `${path}.${name}`, depth + 1);
  };
  level(value, "", 0);
  return folded;
}

function countParts(value: AttributeValue): number {
  if (value === null || typeof value !== "object") return 1;
  let parts = 1;
  for (const item of Object.values(value)) parts += countParts(item);
  return parts;
}

function lay(
  lines: JsonLine[],
  value: AttributeValue,
  path: string,
  key: string | null,
  depth: number,
  comma: string,
  folded: ReadonlySet<string>,
): void {
  if (value === null || typeof value !== "object") {
    const type = value === null ? "null" : (typeof value as "string" | "number" | "boolean");
    lines.push({ path, depth, key, type, text: JSON.stringify(value) + comma });
    return;
  }
  const isArray = Array.isArray(value);
  const entries = isArray
    ? value.map((item, index) => [String(index), item] as const)
    : Object.entries(value);
  const [open, close] = isArray ? ["[", "]"] : ["{", "}"];
  if (entries.length === 0) {
    lines.push({ path, depth, key, type: "null", text: open + close + comma });
    return;
  }
  if (folded.has(path)) {
    const note = isArray ? `${entries.length} items` : `${entries.length} keys`;
    lines.push({ path, depth, key, type: "folded", text: `${open} ${note} ${close}${comma}` });
    return;
  }
  lines.push({ path, depth, key, type: "open", text: open });
  entries.forEach(([name, item], index) => {
    const next = index < entries.length - 1 ? "," : "";
    lay(lines, item, `${path}.${name}`, isArray ? null : name, depth + 1, next, folded);
  });
  lines.push({ path: `${path}/`, depth, key: null, type: "close", text: close + comma });
}
