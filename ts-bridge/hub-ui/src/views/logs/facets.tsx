/** What the lines at hand divide into, to narrow them with one press. */

import { useMemo } from "preact/hooks";
import type { Log, Service } from "../../api.ts";
import { count, short } from "../../model/attributes.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { LEVELS, levelOf } from "../../model/severity.ts";
import { adjust } from "../../router.ts";
import { ServiceName } from "../../ui/labels.tsx";
import { type FacetCounts, type LogChoices, useFacetCounts } from "./facet-counts.ts";

export function Facets(props: {
  logs: readonly Log[];
  services: readonly Service[];
  hues: ServiceHues;
  filter: LogChoices;
}) {
  const { logs } = props;
  const { service, severity } = props.filter;
  const counts = useFacetCounts(props.filter);
  const loadedLevels = useMemo(() => tally(logs, (log) => levelOf(log.severity_number)), [logs]);
  const loadedServices = useMemo(() => tally(logs, (log) => log.service), [logs]);
  const levels: ReadonlyMap<string, number> = counts.levels ?? loadedLevels;
  const byService = counts.services ?? loadedServices;
  const names = [
    ...new Set([...props.services.map(({ name }) => name), ...byService.keys()]),
  ].sort();
  const most = Math.max(1, ...levels.values());
  const mostOfService = Math.max(1, ...byService.values());
  return (
    <aside class="facets" aria-label="Filters">
      <h2>
        Level <span class="faint">this and above</span>
      </h2>
      <ul>
        {LEVELS.map(({ level }) => (
          <li key={level}>
            <Facet
              on={severity === level}
              amount={levels.get(level) ?? 0}
              share={(levels.get(level) ?? 0) / most}
              kind={level}
              onClick={() => adjust({ severity: severity === level ? null : level, log: null })}
            >
              {level}
            </Facet>
          </li>
        ))}
      </ul>
      <h2>Service</h2>
      <ul>
        {names.map((name) => (
          <li key={name}>
            <Facet
              on={service === name}
              amount={byService.get(name) ?? 0}
              share={(byService.get(name) ?? 0) / mostOfService}
              kind="service"
              onClick={() => adjust({ service: service === name ? null : name, log: null })}
            >
              <ServiceName name={name} hues={props.hues} />
            </Facet>
          </li>
        ))}
      </ul>
      <p class="facets-note faint">{noteOf(counts)}</p>
    </aside>
  );
}

function Facet(props: {
  on: boolean;
  amount: number;
  share: number;
  kind: string;
  onClick: () => void;
  children: preact.ComponentChildren;
}) {
  return (
    <button
      type="button"
      class={`facet facet-${props.kind}`}
      aria-pressed={props.on}
      onClick={props.onClick}
    >
      <span class="facet-share" style={{ width: `${props.share * 100}%` }} />
      <span class="facet-name clip">{props.children}</span>
      <span class="facet-count">{props.amount > 0 ? short(props.amount) : ""}</span>
    </button>
  );
}

function noteOf({ levels, lookedAt }: FacetCounts): string {
  if (levels === null) return "Counts are of the lines loaded.";
  return lookedAt === null
    ? "Counts are of all lines that fit."
    : `Counts are of the newest ${count(lookedAt)} lines.`;
}

function tally<Key>(logs: readonly Log[], of: (log: Log) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const log of logs) counts.set(of(log), (counts.get(of(log)) ?? 0) + 1);
  return counts;
}
