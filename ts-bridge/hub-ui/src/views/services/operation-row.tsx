/** One operation of a service: how often, how fast, how well. It leads to its traces. */

import type { Operation } from "../../api-operations.ts";
import { count } from "../../model/attributes.ts";
import { formatRate, formatShare } from "../../model/throughput.ts";
import { formatDuration } from "../../model/time.ts";
import { adjust, href } from "../../router.ts";
import { Icon } from "../../ui/icons.tsx";
import { ServiceName, sessionHues } from "../../ui/labels.tsx";
import type { RowCursor } from "../../ui/row-cursor.ts";
import { Trend } from "./trend.tsx";

interface Column {
  readonly label: string;
  /** What the API sorts by; null where it cannot. */
  readonly sort: string | null;
  readonly class?: string;
}

const COLUMNS: readonly Column[] = [
  { label: "Operation", sort: null },
  { label: "Service", sort: null, class: "col-op-service" },
  { label: "Over time", sort: null, class: "col-trend" },
  { label: "Spans", sort: null, class: "num col-spans" },
  { label: "Rate", sort: "count", class: "num" },
  { label: "Errors", sort: "error_rate", class: "num" },
  { label: "p50", sort: "p50_nano", class: "num col-p50" },
  { label: "p95", sort: "p95_nano", class: "num col-p95" },
  { label: "p99", sort: "p99_nano", class: "num col-p99" },
];

export function OperationHead({ sort }: { sort: string }) {
  return (
    <div class="table-head operation-grid">
      {COLUMNS.map((column) => (
        <span key={column.label} class={column.class}>
          {column.sort === null ? (
            column.label
          ) : (
            <button
              type="button"
              class="sort"
              aria-pressed={sort === column.sort}
              title="The largest first"
              onClick={() => adjust({ sort: column.sort === "count" ? null : column.sort })}
            >
              {column.label}
              {sort === column.sort && <Icon name="down" size={10} />}
            </button>
          )}
        </span>
      ))}
    </div>
  );
}

export function operationKey({ service, name, kind }: Operation): string {
  return JSON.stringify([service, name, kind]);
}

export function OperationRow(props: {
  operation: Operation;
  from: string;
  stretch: readonly [number, number];
  cursor: RowCursor;
}) {
  const { operation: one, from, stretch, cursor } = props;
  const key = operationKey(one);
  const failed = one.error_count > 0;
  return (
    <a
      id={cursor.idOf(key)}
      class={cursor.isOn(key) ? "table-row operation-grid is-selected" : "table-row operation-grid"}
      tabIndex={-1}
      href={href("/traces", { service: one.service, q: searchFor(one.name), from })}
      title={`Traces with ${one.name || "spans of"} ${one.service}`}
    >
      <span class="trace-name">
        <span class="hue-icon" style={{ color: sessionHues.color(one.service) }} title={one.kind}>
          <Icon name={one.kind} />
        </span>
        <span class="clip">{one.name || "(all: it has too many names)"}</span>
      </span>
      <span class="soft col-op-service">
        <ServiceName name={one.service} />
      </span>
      <span class="col-trend">
        <Trend series={one.series ?? []} stretch={stretch} />
      </span>
      <span class="num col-spans">{count(one.count)}</span>
      <span class="num" title={`${count(one.count)} spans`}>
        {formatRate(one.rate, 1)}
      </span>
      <span class={failed ? "num bad" : "num faint"} title={`${count(one.error_count)} failed`}>
        {failed ? formatShare(one.error_count, one.count) : "–"}
      </span>
      <span class="num col-p50">{formatDuration(one.p50_nano)}</span>
      <span class="num told col-p95" data-head="p95">
        {formatDuration(one.p95_nano)}
      </span>
      <span class="num col-p99">{formatDuration(one.p99_nano)}</span>
    </a>
  );
}

/** A search that finds spans of this name: its words, without what only a name has. */
function searchFor(name: string): string {
  return (name.match(/[\p{L}\p{N}_.-]+/gu) ?? []).slice(0, 8).join(" ");
}
