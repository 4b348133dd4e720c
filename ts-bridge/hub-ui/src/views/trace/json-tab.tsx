/** Everything the hub holds of the trace, as OTLP/JSON. */

import { useMemo, useRef, useState } from "preact/hooks";
import { api } from "../../api.ts";
import { useFetched } from "../../fetching.ts";
import { useCommands } from "../../keys.ts";
import { count } from "../../model/attributes.ts";
import { firstFolds, type JsonLine, jsonLines } from "../../model/json-lines.ts";
import { CopyButton } from "../../ui/controls.tsx";
import { Icon } from "../../ui/icons.tsx";
import { ErrorNote, Loading } from "../../ui/notes.tsx";
import { type ListHandle, VirtualList } from "../../ui/virtual-list.tsx";

const LINE_HEIGHT = 20;
const NOTHING: ReadonlySet<string> = new Set();

/** `version` changes when the trace has grown, so that it is fetched anew. */
export function JsonTab({ traceId, version }: { traceId: string; version: number }) {
  const { data, error, loading, reload } = useFetched(`${traceId} ${version}`, (signal) =>
    api.otlp(traceId, signal),
  );
  const [chosen, setFolded] = useState<ReadonlySet<string> | null>(null);
  const list = useRef<ListHandle | null>(null);
  const first = useMemo(() => (data === null ? NOTHING : firstFolds(data)), [data]);
  const folded = chosen ?? first;
  const lines = useMemo(() => (data === null ? [] : jsonLines(data, folded)), [data, folded]);
  useCommands("JSON", [
    { keys: ["Home"], label: "First line", run: () => list.current?.toStart() },
    { keys: ["End"], label: "Last line", run: () => list.current?.toEnd() },
  ]);
  if (error && data === null) return <ErrorNote error={error} onRetry={reload} />;
  const toggle = (path: string) => {
    const next = new Set(folded);
    if (!next.delete(path)) next.add(path);
    setFolded(next);
  };
  return (
    <>
      <Loading on={loading} />
      <div class="tools">
        <span class="soft">
          OTLP/JSON: all that the hub holds of this trace, nothing lost or renamed.{" "}
          {count(lines.length)} lines.
        </span>
        <span class="grow" />
        <CopyButton label="Copy all" words="Copy all" text={() => JSON.stringify(data, null, 2)} />
        <a
          class="button"
          href={`/api/v1/traces/${traceId}/otlp`}
          download={`trace-${traceId}.json`}
        >
          <Icon name="download" />
          Download
        </a>
      </div>
      <VirtualList
        class="json"
        label="OTLP/JSON"
        role="list"
        count={lines.length}
        rowHeight={LINE_HEIGHT}
        handle={list}
        keyOf={(index) => lines[index]?.path ?? index}
        row={(index) => {
          const line = lines[index];
          return line && <Line line={line} onToggle={toggle} />;
        }}
      />
    </>
  );
}

function Line({ line, onToggle }: { line: JsonLine; onToggle: (path: string) => void }) {
  const foldable = line.type === "open" || line.type === "folded";
  return (
    <div class="json-line" style={{ paddingLeft: `${16 + line.depth * 16}px` }}>
      {foldable && (
        <button
          type="button"
          class="json-fold"
          aria-expanded={line.type === "open"}
          aria-label={line.type === "open" ? "Fold" : "Unfold"}
          onClick={() => onToggle(line.path)}
        >
          <Icon name={line.type === "open" ? "down" : "right"} size={11} />
        </button>
      )}
      {line.key !== null && <span class="json-key">{JSON.stringify(line.key)}: </span>}
      <span class={`json-${line.type}`}>{line.text}</span>
    </div>
  );
}
