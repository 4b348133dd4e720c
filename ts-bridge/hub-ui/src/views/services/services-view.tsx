/** Services: who calls whom, and what each does how often, how fast and how well. */

import { useEffect, useMemo } from "preact/hooks";
import { ApiError, api } from "../../api.ts";
import {
  type MapNode,
  type Operation,
  operations,
  type ServiceMap,
  serviceMap,
} from "../../api-operations.ts";
import { useFetched, usePaged, useThrottled } from "../../fetching.ts";
import { listen } from "../../live.ts";
import { plural } from "../../model/attributes.ts";
import { offsetNano } from "../../model/time.ts";
import { adjust, param } from "../../router.ts";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { Button, SearchBox, Select, Toggle } from "../../ui/controls.tsx";
import { ListEnd } from "../../ui/list-end.tsx";
import { ErrorNote, Loading, Nothing } from "../../ui/notes.tsx";
import { PAST } from "../../ui/ranges.ts";
import { type RowCursor, useRowCursor } from "../../ui/row-cursor.ts";
import { useTitle } from "../../ui/title.ts";
import { VirtualList } from "../../ui/virtual-list.tsx";
import { SendFirst } from "../live/send-first.tsx";
import { useReconnected } from "../trace/use-trace.ts";
import { OperationHead, OperationRow, operationKey } from "./operation-row.tsx";
import { ServiceMapView } from "./service-map.tsx";
import "./services.css";

const PAGE = 100;
const ROW_HEIGHT = 34;
/** The numbers are of whole minutes: more often they would only flicker. */
const REFRESH_MS = 10_000;

const KINDS = [
  { value: "", label: "All kinds" },
  { value: "server", label: "Server" },
  { value: "client", label: "Client" },
  { value: "consumer", label: "Consumer" },
  { value: "producer", label: "Producer" },
  { value: "internal", label: "Internal" },
];

export function ServicesView() {
  useTitle("Services");
  const filter = {
    service: param("service"),
    name: param("q"),
    kind: param("kind"),
    error: param("errors") === "only",
    from: param("from") || "-1h",
  };
  const sort = param("sort") || "count";
  const page = usePaged<Operation>(
    JSON.stringify([filter, sort]),
    (cursor, signal) =>
      operations({ ...filter, sort, series: "minute", limit: PAGE, cursor }, signal),
    operationKey,
  );
  const map = useFetched(filter.from, (signal) => serviceMap({ from: filter.from }, signal));
  const services = useFetched("services", api.services);
  const soon = useThrottled(() => {
    page.refresh();
    map.reload();
    if (services.data?.length === 0) services.reload();
  }, REFRESH_MS);
  useEffect(() => listen(soon), []);
  useReconnected(soon);
  const cursor = useRowCursor("Services", "operation", page.rows.map(operationKey), [
    { keys: ["x"], label: "Take all filters away", run: clearFilters },
    { keys: ["m"], label: "Show or hide the map", run: toggleMap },
  ]);
  const filtered = Boolean(filter.service || filter.name || filter.kind || filter.error);

  if (map.data?.nodes.length === 0 && page.rows.length === 0 && !page.loading && !filtered) {
    // That nothing ran in this time does not mean that nothing ever did.
    if (services.data === null) return <Loading on={services.loading} />;
    return services.data.length === 0 ? <SendFirst what="span" /> : <NothingThen />;
  }
  return (
    <>
      <Loading on={page.loading || map.loading} />
      <ServiceTools filter={filter} nodes={map.data?.nodes ?? []} page={page} />
      <div class="services">
        {param("map") !== "off" && map.data && <MapPart map={map.data} chosen={filter.service} />}
        {map.error !== null && !page.error && <MapTrouble error={map.error} again={map.reload} />}
        {page.error && page.rows.length === 0 ? (
          <ErrorNote error={page.error} onRetry={page.retry} />
        ) : page.rows.length === 0 ? (
          !page.loading && <NoOperation />
        ) : (
          <OperationList page={page} sort={sort} from={filter.from} cursor={cursor} />
        )}
      </div>
    </>
  );
}

interface Filter {
  readonly service: string;
  readonly name: string;
  readonly kind: string;
  readonly error: boolean;
  readonly from: string;
}

function ServiceTools(props: {
  filter: Filter;
  nodes: readonly MapNode[];
  page: { rows: readonly Operation[]; hasMore: boolean };
}) {
  const { filter, nodes, page } = props;
  const services = nodes.map(({ name }) => ({ value: name, label: name }));
  return (
    <div class="tools">
      <SearchBox
        value={filter.name}
        placeholder="Search operations by name"
        onChange={(q) => adjust({ q })}
      />
      <Select
        label="Service"
        value={filter.service}
        options={[{ value: "", label: "All services" }, ...services]}
        onChange={(service) => adjust({ service })}
      />
      <Select
        label="Kind"
        value={filter.kind}
        options={KINDS}
        onChange={(kind) => adjust({ kind })}
      />
      <Select
        label="Time"
        value={param("from")}
        options={PAST}
        onChange={(from) => adjust({ from })}
      />
      <Toggle narrows on={filter.error} onChange={(on) => adjust({ errors: on ? "only" : null })}>
        With errors
      </Toggle>
      {(filter.service || filter.name || filter.kind || filter.error) && (
        <Button icon="close" onClick={clearFilters} title="Take all filters away (x)">
          Clear
        </Button>
      )}
      <span class="grow" />
      <span class="soft tools-count" aria-live="polite">
        {plural(page.rows.length, "operation")}
        {page.hasMore ? " loaded" : ""}
      </span>
      <Toggle on={param("map") !== "off"} onChange={toggleMap} title="Show or hide the map (m)">
        Map
      </Toggle>
    </div>
  );
}

function MapTrouble({ error, again }: { error: unknown; again: () => void }) {
  const what = error instanceof ApiError ? error.what : String(error);
  return (
    <p class="notice" role="alert">
      The map is missing, or out of date. {what}{" "}
      <button type="button" class="text-button" onClick={again}>
        Try again
      </button>
    </p>
  );
}

function MapPart({ map, chosen }: { map: ServiceMap; chosen: string }) {
  const seconds = offsetNano(map.to_unix_nano, map.from_unix_nano) / 1e9;
  return (
    <ServiceMapView
      map={map}
      seconds={seconds}
      chosen={chosen}
      onChoose={(name) => adjust({ service: name === chosen ? null : name })}
    />
  );
}

function OperationList(props: {
  page: ReturnType<typeof usePaged<Operation>>;
  sort: string;
  from: string;
  cursor: RowCursor;
}) {
  const { page, sort, from, cursor } = props;
  // One scale for all rows would draw most of them flat: each is scaled by itself, and says so.
  const stretch = useMemo(() => minutesOf(page.rows), [page.rows]);
  return (
    <>
      <OperationHead sort={sort} />
      <VirtualList
        label="Operations"
        count={page.rows.length}
        key={String(compact.value)}
        rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
        keyOf={(index) => {
          const one = page.rows[index];
          return one ? operationKey(one) : index;
        }}
        handle={cursor.handle}
        active={cursor.active}
        remember={`operations ${sort} ${from}`}
        onNearEnd={page.more}
        row={(index) => {
          const one = page.rows[index];
          return (
            one && <OperationRow operation={one} from={from} stretch={stretch} cursor={cursor} />
          );
        }}
        footer={<ListEnd page={page} count={page.rows.length} noun="operation" />}
      />
    </>
  );
}

/** First and last minute, in unix seconds, in which any of them ran. */
function minutesOf(rows: readonly Operation[]): readonly [number, number] {
  let [first, last] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { series } of rows) {
    for (const point of [series?.[0], series?.at(-1)]) {
      if (!point) continue;
      const at = Number(point.time_unix_nano.slice(0, -9));
      [first, last] = [Math.min(first, at), Math.max(last, at)];
    }
  }
  return [first, last];
}

function clearFilters(): void {
  adjust({ q: null, service: null, kind: null, errors: null });
}

function toggleMap(): void {
  adjust({ map: param("map") === "off" ? null : "off" });
}

function NoOperation() {
  return (
    <Nothing title="No operation fits.">
      <p class="soft">No span that ended in this time fits these filters.</p>
      <p>
        <Button onClick={clearFilters}>Take all filters away</Button>
      </p>
    </Nothing>
  );
}

function NothingThen() {
  const range = PAST.find(({ value }) => value === param("from"))?.label ?? "";
  const told = range.replace("Last ", "") || "hour";
  return (
    <Nothing title={`No span ended in the last ${told}.`}>
      <p>
        <Button onClick={() => adjust({ from: "-7d" })}>Look at the last 7 days</Button>
      </p>
    </Nothing>
  );
}
