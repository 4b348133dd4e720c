/** The list of runs as it was last shown. */

let order: readonly string[] = [];

export function rememberRuns(ids: readonly string[]): void {
  order = ids;
}

/** The ids of the next newer and the next older run in that list. */
export function neighbourRuns(id: string): [newer: string | undefined, older: string | undefined] {
  const at = order.indexOf(id);
  return at < 0 ? [undefined, undefined] : [order[at - 1], order[at + 1]];
}
