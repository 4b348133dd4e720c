/** How many log lines each choice of a filter would find, counted by the hub. */

import { useEffect } from "preact/hooks";
import { get } from "../../api.ts";
import { useFetched, useThrottled } from "../../fetching.ts";
import { listen } from "../../live.ts";
import { splitSearch } from "../../model/conditions.ts";

interface Facet {
  readonly values: readonly { readonly value: string; readonly count: number }[];
  readonly looked_at: number;
  readonly complete: boolean;
}

export interface LogChoices {
  readonly service: string;
  readonly severity: string;
  readonly q: string;
  readonly from: string;
  readonly session: string;
}

export interface FacetCounts {
  /** Null while it is not known, or the hub cannot say in time. */
  readonly levels: ReadonlyMap<string, number> | null;
  readonly services: ReadonlyMap<string, number> | null;
  /** Of how many lines the counts are, where there are more than are looked at; else null. */
  readonly lookedAt: number | null;
}

/** Counting is work for the hub: not more often than somebody looks. */
const RECOUNT_MS = 10_000;

export function useFacetCounts(filter: LogChoices): FacetCounts {
  // What else could be chosen of a field is asked without what is chosen of it.
  const levels = useFacet("severity", { ...filter, severity: "" });
  const services = useFacet("service", { ...filter, service: "" });
  return {
    levels: levels && mapOf(levels),
    services: services && mapOf(services),
    lookedAt: levels?.complete === false ? levels.looked_at : null,
  };
}

function useFacet(field: "severity" | "service", filter: LogChoices): Facet | null {
  const query = { of: "logs", field, limit: 200, ...filter, ...splitSearch(filter.q) };
  const { data, reload } = useFetched(JSON.stringify(query), (signal) =>
    get<Facet>("facets", query, signal),
  );
  const soon = useThrottled(reload, RECOUNT_MS);
  useEffect(
    () =>
      listen((items) => {
        if (items.some(({ t }) => t === "log")) soon();
      }),
    [],
  );
  return data;
}

function mapOf({ values }: Facet): Map<string, number> {
  return new Map(values.map(({ value, count }) => [value, count]));
}
