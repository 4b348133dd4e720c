/** Log lines as a table whose rows open in place. */

import type { ComponentChildren } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Attributes, Log, Resource } from "../../api.ts";
import { second } from "../../clock.ts";
import { useCommands } from "../../keys.ts";
import { logText, pretty, summary } from "../../model/attributes.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { levelOf } from "../../model/severity.ts";
import { formatDuration, formatFull, formatStart, offsetNano } from "../../model/time.ts";
import { href } from "../../router.ts";
import { AttributeTable } from "../../ui/attribute-table.tsx";
import { compact, TWO_LINES } from "../../ui/compact.ts";
import { CopyButton } from "../../ui/controls.tsx";
import { Icon } from "../../ui/icons.tsx";
import { ServiceName, SeverityTag } from "../../ui/labels.tsx";
import { Nothing } from "../../ui/notes.tsx";
import { copyAndSay } from "../../ui/toast.tsx";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";
import "./logs.css";

const ROW_HEIGHT = 27;

interface LogTableProps {
  readonly logs: readonly Log[];
  readonly hues: ServiceHues;
  readonly resources?: readonly Resource[];
  /** Show times as offsets from this moment instead of clock times. */
  readonly base?: string;
  /** Id of the row that is open. */
  readonly open: string | null;
  readonly onOpen: (id: string | null) => void;
  /** What "show in trace" does, where it is more than following a link. */
  readonly onShowInTrace?: (log: Log) => void;
  readonly empty: ComponentChildren;
  readonly remember?: string;
  readonly footer?: ComponentChildren;
  readonly onNearEnd?: () => void;
  readonly onScroll?: (atStart: boolean, atEnd: boolean) => void;
}

export function LogTable(props: LogTableProps) {
  const { logs, open, onOpen } = props;
  const list = useRef<ListHandle | null>(null);
  const [cursor, setCursor] = useState<string | null>(open);
  useLogCommands({ logs, open, onOpen, cursor, setCursor, list });
  useEffect(() => {
    const index = logs.findIndex(({ id }) => id === open);
    if (index >= 0) list.current?.center(index);
  }, []);
  if (logs.length === 0) {
    return typeof props.empty === "string" ? <Nothing title={props.empty} /> : props.empty;
  }
  return (
    <>
      <div class="table-head log-grid" aria-hidden="true">
        <span>Time</span>
        <span>Level</span>
        <span>Service</span>
        <span>Message</span>
        <span />
      </div>
      <VirtualList
        label="Log lines"
        role="table"
        measured
        count={logs.length}
        key={String(compact.value)}
        rowHeight={compact.value ? TWO_LINES : ROW_HEIGHT}
        keyOf={(index) => logs[index]?.id ?? index}
        handle={list}
        active={cursor ? `log-${cursor}` : undefined}
        onNearEnd={props.onNearEnd}
        onScroll={props.onScroll}
        footer={props.footer}
        {...(props.remember ? { remember: props.remember } : {})}
        row={(index) => {
          const log = logs[index];
          if (!log) return null;
          return (
            <LogEntry
              {...props}
              log={log}
              index={index}
              isOpen={log.id === open}
              isCursor={log.id === cursor}
              onToggle={() => {
                setCursor(log.id);
                onOpen(log.id === open ? null : log.id);
              }}
            />
          );
        }}
      />
    </>
  );
}

interface EntryProps extends LogTableProps {
  log: Log;
  index: number;
  isOpen: boolean;
  isCursor: boolean;
  onToggle: () => void;
}

function LogEntry(props: EntryProps) {
  const { log, hues, isOpen } = props;
  const level = levelOf(log.severity_number);
  return (
    <div class={isOpen ? "log-entry is-open" : "log-entry"}>
      {/* biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled for the whole table, see keys.ts */}
      <div
        id={`log-${log.id}`}
        class={props.isCursor ? "log-row log-grid is-selected" : "log-row log-grid"}
        role="row"
        tabIndex={-1}
        aria-rowindex={props.index + 1}
        aria-expanded={isOpen}
        onClick={props.onToggle}
      >
        <span class="log-time" role="cell" title={formatFull(log.time_unix_nano)}>
          {props.base === undefined
            ? formatStart(log.time_unix_nano, second.peek())
            : `+${formatDuration(offsetNano(log.time_unix_nano, props.base))}`}
        </span>
        <span role="cell">
          <SeverityTag severity={log.severity_number} text={log.severity_text} />
        </span>
        <span class="log-service" role="cell">
          <ServiceName name={log.service} hues={hues} />
        </span>
        <span class="log-message clip" role="cell">
          <span class={`log-text-${level}`}>{logText(log)}</span>
          {summary(log.attributes, 8).map(({ key, value }) => (
            <span key={key} class="pair">
              <span class="pair-key">{key}</span>={value}
            </span>
          ))}
        </span>
        <span class="log-link" role="cell">
          <TraceLink {...props} />
        </span>
      </div>
      {isOpen && <LogDetail {...props} />}
    </div>
  );
}

function TraceLink({ log, onShowInTrace }: EntryProps) {
  if (log.trace_id === null) return null;
  return (
    <a
      class="icon-button"
      href={href(`/traces/${log.trace_id}`, { at: `l${log.id}` })}
      aria-label="Show in its trace"
      title="Show in its trace (t)"
      onClick={(event) => {
        event.stopPropagation();
        if (!onShowInTrace || event.ctrlKey || event.metaKey) return;
        event.preventDefault();
        onShowInTrace(log);
      }}
    >
      <Icon name="traces" size={14} />
    </a>
  );
}

function LogDetail({ log, resources }: EntryProps) {
  const resource: Attributes | undefined =
    typeof log.resource === "number" ? resources?.[log.resource]?.attributes : log.resource;
  return (
    <div class="log-detail">
      <div class="log-detail-head">
        <pre class="log-body">{log.body === null ? log.event_name : pretty(log.body)}</pre>
        <CopyButton label="Copy as JSON (c)" text={() => JSON.stringify(log, null, 2)} />
      </div>
      <p class="log-meta soft">
        <span>{formatFull(log.time_unix_nano)}</span>
        <span>
          {log.severity_text || "severity not said"} ({log.severity_number})
        </span>
        {log.scope.name && <span>logger {log.scope.name}</span>}
        {log.event_name && <span>event {log.event_name}</span>}
        {log.span_id && <span>span {log.span_id}</span>}
      </p>
      <div class="log-tables">
        <section>
          <h3>Attributes</h3>
          <AttributeTable attributes={log.attributes} />
        </section>
        {resource && (
          <section>
            <h3>Resource</h3>
            <AttributeTable attributes={resource} />
          </section>
        )}
      </div>
    </div>
  );
}

function useLogCommands(context: {
  logs: readonly Log[];
  open: string | null;
  onOpen: (id: string | null) => void;
  cursor: string | null;
  setCursor: (id: string) => void;
  list: { current: ListHandle | null };
}): void {
  const { logs, open, onOpen, cursor, setCursor, list } = context;
  const at = logs.findIndex(({ id }) => id === cursor);
  const move = (step: number) => {
    const index = Math.min(logs.length - 1, Math.max(0, at + step));
    const log = logs[index];
    if (!log) return;
    setCursor(log.id);
    list.current?.reveal(index);
  };
  const current = logs[at];
  useCommands("Log lines", [
    { keys: ["j", "ArrowDown"], label: "Next line", run: () => move(1) },
    { keys: ["k", "ArrowUp"], label: "Previous line", run: () => move(at < 0 ? 1 : -1) },
    {
      keys: ["Enter"],
      label: "Open or close the line",
      run: () => current && onOpen(current.id === open ? null : current.id),
    },
    {
      keys: ["t"],
      label: "Show the line in its trace",
      run: () =>
        document
          .querySelector<HTMLElement>(`#log-${CSS.escape(cursor ?? "")} .log-link a`)
          ?.click(),
    },
    {
      keys: ["c"],
      label: "Copy the line as JSON",
      run: () => current && void copyAndSay(JSON.stringify(current, null, 2), "JSON"),
    },
    ...(open === null
      ? []
      : [{ keys: ["Escape"], label: "Close the line", run: () => onOpen(null) }]),
  ]);
}
