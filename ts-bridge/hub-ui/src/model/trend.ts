/** Minutes gathered into as many columns as there is room for. */

import type { OperationMinute } from "../api-operations.ts";

export interface TrendColumn {
  readonly count: number;
  readonly errors: number;
}

/** Minutes between `first` and `last` (unix seconds) in at most `most` columns of equal width. */
export function trend(
  series: readonly OperationMinute[],
  [first, last]: readonly [number, number],
  most: number,
): TrendColumn[] {
  if (last < first) return [];
  const minutes = Math.round((last - first) / 60) + 1;
  const each = Math.ceil(minutes / most);
  const columns = Array.from({ length: Math.ceil(minutes / each) }, () => ({
    count: 0,
    errors: 0,
  }));
  for (const { time_unix_nano, count, error_count } of series) {
    const minute = Math.round((Number(time_unix_nano.slice(0, -9)) - first) / 60);
    const column = columns[Math.floor(minute / each)];
    if (!column) continue;
    column.count += count;
    column.errors += error_count;
  }
  return columns;
}
