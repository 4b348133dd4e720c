/** The list of traces as it was last shown, for going on from one trace without the list. */

let order: readonly string[] = [];
let address = "/traces";

export function rememberList(ids: readonly string[], listAddress: string): void {
  order = ids;
  address = listAddress;
}

/** Where to go back to: the list with its filters. */
export function listAddress(): string {
  return address;
}

/** The ids of the next newer and the next older trace in that list. */
export function neighbours(id: string): [newer: string | undefined, older: string | undefined] {
  const at = order.indexOf(id);
  return at < 0 ? [undefined, undefined] : [order[at - 1], order[at + 1]];
}
