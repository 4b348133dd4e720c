/** Finding rows in a trace, folded away or not. */

import { SEVERITY_ERROR, type SpanTree } from "./span-tree.ts";
import { flattenRows, NOTHING_FOLDED, type Row, rowMatches } from "./waterfall-rows.ts";

/** All rows as if nothing was folded: what finding looks through. */
export function everyRow(tree: SpanTree, withLogs: boolean): Row[] {
  return flattenRows(tree, NOTHING_FOLDED, withLogs);
}

/** Keys of the rows that hold all the words (lower case), from top to bottom. */
export function matchingRows(rows: readonly Row[], words: readonly string[]): Set<string> {
  return new Set(rows.filter((row) => rowMatches(row, words)).map(({ key }) => key));
}

/** Keys of failed spans and of log lines that tell of an error. */
export function failedRows(rows: readonly Row[]): Set<string> {
  return new Set(rows.filter(isError).map(({ key }) => key));
}

function isError(row: Row): boolean {
  return row.type === "span"
    ? row.node.span.status === "error"
    : row.log.severity_number >= SEVERITY_ERROR;
}

/** The match after (or before) the selected row, going round at the end. */
export function nextMatch(
  all: readonly Row[],
  matches: ReadonlySet<string>,
  at: string | null,
  back: boolean,
): string | null {
  const selected = all.findIndex((row) => row.key === at);
  // With nothing selected the search begins before the first row, or behind the last.
  const start = selected < 0 && back ? all.length : selected;
  for (let step = 1; step <= all.length; step += 1) {
    const index = (start + (back ? -step : step) + all.length * 2) % all.length;
    const key = all[index]?.key;
    if (key !== undefined && matches.has(key)) return key;
  }
  return null;
}
