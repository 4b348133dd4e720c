/** The list of traces as it was last shown, for going on from one trace without the list. */

import { signal } from "@preact/signals";
import { api } from "../../api.ts";

const order = signal<readonly string[]>([]);
let address = "/traces";

/** How far around a trace that was opened by its address its neighbours are looked for. */
const LOOKED_AT = 200;

export function rememberList(ids: readonly string[], listAddress: string): void {
  order.value = ids;
  address = listAddress;
}

/** Fetch the latest traces where no list has been shown yet. */
export async function findNeighbours(): Promise<void> {
  if (order.peek().length > 0) return;
  try {
    const page = await api.traces({ limit: LOOKED_AT });
    if (order.peek().length === 0) order.value = page.rows.map(({ trace_id }) => trace_id);
  } catch {
    // Without neighbours there is nowhere to step to; the trace itself says if the hub is gone.
  }
}

/** Where to go back to: the list with its filters. */
export function listAddress(): string {
  return address;
}

/** The ids of the next newer and the next older trace in that list. */
export function neighbours(id: string): [newer: string | undefined, older: string | undefined] {
  const at = order.value.indexOf(id);
  return at < 0 ? [undefined, undefined] : [order.value[at - 1], order.value[at + 1]];
}
