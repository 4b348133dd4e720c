/** Metrics: which there are. */

import { api } from "../../api.ts";
import { type Metric, metrics } from "../../api-metrics.ts";
import { second } from "../../clock.ts";
import { useFetched, usePaged } from "../../fetching.ts";
import { count, plural } from "../../model/attributes.ts";
import { formatAgo, formatFull, toMillis } from "../../model/time.ts";
import { adjust, href, param } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Button, SearchBox, Select } from "../../ui/controls.tsx";
import { Icon } from "../../ui/icons.tsx";
import { ServiceName } from "../../ui/labels.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { ErrorNote, Loading, Nothing, StillLooking } from "../../ui/notes.tsx";
import { type RowCursor, useRowCursor } from "../../ui/row-cursor.ts";
import { useTitle } from "../../ui/title.ts";
import { VirtualList } from "../../ui/virtual-list.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import "./metrics.css";

const PAGE = 200;
const ROW_HEIGHT = 34;

export function MetricsView() {
  useTitle("Metrics");
  const filter = { name: param("q"), service: param("service") };
  const key = JSON.stringify(filter);
  const page = usePaged<Metric>(
    key,
    (cursor, signal) => metrics({ ...filter, limit: PAGE, cursor }, signal),
    keyOf,
  );
  const services = useFetched("services", api.services);
  useReconnected(page.refresh);
  const rows = page.rows;
  const cursor = useRowCursor("Metrics", "metric", rows.map(keyOf), [
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
  ]);
  const filtered = Boolean(filter.name || filter.service);
  return (
    <>
      <Loading on={page.loading} />
      <div class="tools">
        <SearchBox
          value={filter.name}
          placeholder="Search metrics by name"
          onChange={(q) => adjust({ q })}
        />
        <Select
          label="Service"
          value={filter.service}
          options={[
            { value: "", label: "All services" },
            ...(services.data ?? []).map(({ name }) => ({ value: name, label: name })),
          ]}
          onChange={(service) => adjust({ service })}
        />
        {filtered && (
          <Button icon="close" onClick={clearFilters} title="Take all filters away (x)">
            Clear
          </Button>
        )}
        <span class="grow" />
        <span class="soft tools-count" aria-live="polite">
          {plural(rows.length, "metric")}
          {page.hasMore ? " loaded" : ""}
        </span>
      </div>
      {page.error && rows.length === 0 ? (
        <ErrorNote error={page.error} onRetry={page.retry} />
      ) : rows.length === 0 ? (
        <NoMetrics loading={page.loading} searching={page.searching} filtered={filtered} />
      ) : (
        <>
          <div class="table-head metric-grid" aria-hidden="true">
            <span>Metric</span>
            <span>Type</span>
            <span class="col-about">What it is</span>
            <span>Services</span>
            <span class="num col-points">Points</span>
            <span class="num">Last</span>
          </div>
          <VirtualList
            key={String(compact.value)}
            label="Metrics"
            count={rows.length}
            rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
            keyOf={(index) => {
              const metric = rows[index];
              return metric ? keyOf(metric) : index;
            }}
            handle={cursor.handle}
            active={cursor.active}
            remember={`metrics ${key}`}
            onNearEnd={page.more}
            row={(index) => {
              const metric = rows[index];
              return (
                metric && <MetricRow metric={metric} service={filter.service} cursor={cursor} />
              );
            }}
            footer={<ListEnd page={page} count={rows.length} noun="metric" />}
          />
        </>
      )}
    </>
  );
}

function keyOf({ name, type, unit, temporality }: Metric): string {
  return JSON.stringify([name, type, unit, temporality]);
}

function MetricRow(props: { metric: Metric; service: string; cursor: RowCursor }) {
  const { metric, service, cursor } = props;
  const key = keyOf(metric);
  const last = toMillis(metric.last_time_unix_nano);
  return (
    <a
      id={cursor.idOf(key)}
      class={cursor.isOn(key) ? "table-row metric-grid is-selected" : "table-row metric-grid"}
      tabIndex={-1}
      href={href(`/metrics/${encodeURIComponent(metric.name)}`, { service })}
    >
      <span class="trace-name">
        <span class="hue-icon soft">
          <Icon name="metrics" />
        </span>
        <span class="clip" title={metric.name}>
          {metric.name}
        </span>
      </span>
      <span class="soft clip">{typeText(metric)}</span>
      <span class="soft clip col-about" title={metric.description}>
        {metric.description}
      </span>
      <span class="trace-services">
        {metric.services.slice(0, 3).map((name) => (
          <ServiceName key={name} name={name} />
        ))}
        {metric.services.length > 3 && <span class="faint">+{metric.services.length - 3}</span>}
      </span>
      <span class="num col-points">{count(metric.data_points)}</span>
      <span class="num soft" title={formatFull(metric.last_time_unix_nano)}>
        {formatAgo(last, second.value)}
      </span>
    </a>
  );
}

function typeText({ type, monotonic, unit }: Metric): string {
  const name = type === "sum" && monotonic ? "counter" : type.replace("_", " ");
  return unit && unit !== "1" ? `${name}, ${unit.replace(/[{}]/g, "")}` : name;
}

function clearFilters(): void {
  adjust({ q: null, service: null });
}

function NoMetrics(props: { loading: boolean; searching: boolean; filtered: boolean }) {
  if (props.searching) return <StillLooking />;
  if (props.loading) return null;
  if (props.filtered) {
    return (
      <Nothing title="No metric fits.">
        <p>
          <Button onClick={clearFilters}>Take all filters away</Button>
        </p>
      </Nothing>
    );
  }
  return (
    <Nothing title="No metric yet.">
      <p class="soft">
        The hub takes metrics over OTLP at <code>{location.origin}/v1/metrics</code>, from any
        OpenTelemetry SDK.
      </p>
    </Nothing>
  );
}
