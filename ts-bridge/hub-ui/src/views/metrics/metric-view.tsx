/** One metric: a line for each source and set of attributes, and the traces that it names. */

import { useMemo, useState } from "preact/hooks";
import { api } from "../../api.ts";
import { type MetricDetail, type MetricSeries, metric } from "../../api-metrics.ts";
import { useFetched } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { plural } from "../../model/attributes.ts";
import { formatMeasure, lineOf, type Measure, measuresOf } from "../../model/metric-lines.ts";
import { adjust, go, href, param } from "../../router.ts";
import { Button, Select, Toggle } from "../../ui/controls.tsx";
import { ServiceName } from "../../ui/labels.tsx";
import { ErrorNote, Loading, Nothing } from "../../ui/notes.tsx";
import { PAST } from "../../ui/ranges.ts";
import { useTitle } from "../../ui/title.ts";
import { Chart, type DrawnLine, hueOf } from "./chart.tsx";
import "./metrics.css";

/** Lines drawn at once: more cannot be told apart. */
const LINES = 30;

const MEASURE_TEXT: Record<Measure, string> = {
  value: "Value",
  rate: "Rate",
  average: "Average",
  p95: "p95",
};

export function MetricView({ name }: { name: string }) {
  useTitle(name);
  const asked = { from: param("from") || "-1h", service: param("service"), limit: LINES };
  const answer = useFetched(JSON.stringify([name, asked]), (signal) => metric(name, asked, signal));
  const services = useFetched("services", api.services);
  useCommands("Metric", [
    { keys: ["Escape"], label: "Back to the list", run: () => go("/metrics") },
    { keys: ["r"], label: "Fetch anew", run: answer.reload },
  ]);
  const first = answer.data?.series[0];
  return (
    <>
      <Loading on={answer.loading} />
      <header class="page-head">
        <div class="page-line">
          <a class="crumb" href="/metrics">
            Metrics
          </a>
          <span class="faint">/</span>
          <h1 class="clip">{name}</h1>
          {first?.unit && first.unit !== "1" && (
            <span class="faint">{first.unit.replace(/[{}]/g, "")}</span>
          )}
          <span class="grow" />
          <Button onClick={answer.reload} title="Fetch anew (r)">
            Refresh
          </Button>
        </div>
        {answer.data?.description && <p class="soft">{answer.data.description}</p>}
      </header>
      <div class="tools">
        <Select
          label="Service"
          value={asked.service}
          options={[
            { value: "", label: "All services" },
            ...(services.data ?? []).map((service) => ({
              value: service.name,
              label: service.name,
            })),
          ]}
          onChange={(service) => adjust({ service })}
        />
        <Select
          label="Time"
          value={param("from")}
          options={PAST}
          onChange={(from) => adjust({ from })}
        />
        {first && <Measures series={first} />}
      </div>
      {answer.error && !answer.data ? (
        <ErrorNote error={answer.error} onRetry={answer.reload} />
      ) : (
        answer.data && <Lines detail={answer.data} />
      )}
    </>
  );
}

function chosenMeasure(series: MetricSeries): Measure {
  const measures = measuresOf(series.type, series.monotonic);
  return measures.find((each) => each === param("show")) ?? measures[0] ?? "value";
}

function Measures({ series }: { series: MetricSeries }) {
  const measures = measuresOf(series.type, series.monotonic);
  if (measures.length < 2) return null;
  const chosen = chosenMeasure(series);
  return (
    <>
      {measures.map((measure) => (
        <Toggle
          key={measure}
          narrows
          on={measure === chosen}
          onChange={() => adjust({ show: measure === measures[0] ? null : measure })}
        >
          {MEASURE_TEXT[measure]}
        </Toggle>
      ))}
    </>
  );
}

function Lines({ detail }: { detail: MetricDetail }) {
  const first = detail.series[0];
  const measure = first ? chosenMeasure(first) : "value";
  const lines = useMemo(
    () =>
      detail.series.map((series, index): DrawnLine => {
        const line = lineOf(series, measure);
        return { series, points: line, hue: hueOf(index) };
      }),
    [detail, measure],
  );
  const [near, setNear] = useState<string | null>(null);
  if (!first || lines.every(({ points }) => points.length === 0)) {
    return (
      <Nothing title="No data point in this time.">
        <p>
          <Button onClick={() => adjust({ from: "-7d", service: null })}>
            Look at the last 7 days of all services
          </Button>
        </p>
      </Nothing>
    );
  }
  const unit = measure === "rate" ? `${first.type === "sum" ? first.unit : ""}/s` : first.unit;
  return (
    <div class="scroll">
      <Chart lines={lines} detail={detail} measure={measure} unit={unit} near={near} />
      {(detail.next_cursor || !detail.complete) && (
        <p class="notice" role="status">
          {detail.next_cursor &&
            `The first ${LINES} series are drawn; choose a service for others. `}
          {!detail.complete && "Only the latest of the many requests with this metric were read."}
        </p>
      )}
      <h2 class="metric-legend-title">
        {plural(lines.length, "series").replace(/ss$/, "s")}{" "}
        <span class="faint">{MEASURE_TEXT[measure].toLowerCase()}, latest</span>
      </h2>
      <ul class="metric-legend">
        {lines.map(({ series, points, hue }) => (
          <li
            key={series.id}
            class="metric-line"
            onPointerEnter={() => setNear(series.id)}
            onPointerLeave={() => setNear(null)}
          >
            <span class="metric-swatch" style={{ background: hue }} />
            <span class="metric-of">
              <ServiceName name={series.service} />
              {Object.entries(series.attributes).map(([key, value]) => (
                <span key={key} class="pair">
                  <span class="pair-key">{key}</span>={String(value)}
                </span>
              ))}
              {series.truncated && <span class="mark-note">latest 1,000 points</span>}
            </span>
            <span class="num">{latest(points, unit)}</span>
          </li>
        ))}
      </ul>
      <Exemplars detail={detail} unit={first.unit} />
    </div>
  );
}

function latest(points: DrawnLine["points"], unit: string): string {
  const last = points.at(-1);
  return last ? formatMeasure(last.value, unit) : "–";
}

/** Exemplars told in words; the newest of many. */
const EXEMPLARS = 12;

function Exemplars({ detail, unit }: { detail: MetricDetail; unit: string }) {
  const all = detail.series
    .flatMap(({ service, points }) =>
      points.flatMap(({ exemplars }) => (exemplars ?? []).map((one) => ({ ...one, service }))),
    )
    .filter(({ trace_id }) => trace_id)
    .sort((a, b) => (a.time_unix_nano < b.time_unix_nano ? 1 : -1));
  if (all.length === 0) return null;
  return (
    <section class="metric-exemplars">
      <h2>
        Traces behind it <span class="tab-count">{all.length}</span>
      </h2>
      <ul>
        {all.slice(0, EXEMPLARS).map((one) => (
          <li key={`${one.span_id} ${one.time_unix_nano}`}>
            <a href={href(`/traces/${one.trace_id}`, { at: one.span_id && `s${one.span_id}` })}>
              {typeof one.value === "number" ? formatMeasure(one.value, unit) : String(one.value)}
            </a>
            <ServiceName name={one.service} />
          </li>
        ))}
      </ul>
    </section>
  );
}
