/** One row of the waterfall: a span with its bar, or a log line with its moment. */

import { inline, logText, summary } from "../../model/attributes.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { levelOf } from "../../model/severity.ts";
import type { SpanNode } from "../../model/span-tree.ts";
import { formatDuration } from "../../model/time.ts";
import { bar, position, type TimeWindow } from "../../model/time-window.ts";
import type { LogRow, Row, SpanRow } from "../../model/waterfall-rows.ts";
import { Icon } from "../../ui/icons.tsx";
import { SpanIcon, Tokens } from "../../ui/labels.tsx";

const INDENT_PX = 14;
/** Where the first level's connector stands. */
const FIRST_PX = 17;

interface RowProps {
  row: Row;
  index: number;
  view: TimeWindow;
  now: number;
  hues: ServiceHues;
  selected: boolean;
  /** Whether it matches what is searched for; null while nothing is. */
  match: boolean | null;
  onSelect: () => void;
  onToggle: () => void;
}

export function WaterfallRow(props: RowProps) {
  const { row, selected, match } = props;
  const classes = ["wf-row", `wf-${row.type}`];
  if (selected) classes.push("is-selected");
  if (match === true) classes.push("is-match");
  if (match === false) classes.push("is-dim");
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: keys are handled for the whole grid, see keys.ts
    <div
      id={`row-${row.key}`}
      class={classes.join(" ")}
      role="row"
      tabIndex={-1}
      aria-rowindex={props.index + 1}
      aria-level={row.indent + 1}
      aria-selected={selected}
      aria-expanded={row.type === "span" && row.foldable ? !row.folded : undefined}
      onClick={props.onSelect}
    >
      {row.type === "span" ? <SpanCells {...props} row={row} /> : <LogCells {...props} row={row} />}
    </div>
  );
}

function Guides({ row }: { row: Row }) {
  if (row.indent === 0) return null;
  const leaf = row.type === "log" || !row.foldable;
  const lines = [];
  for (let level = 1; level < row.indent; level += 1) {
    if (row.guides & (1 << level)) lines.push(level);
  }
  const own = FIRST_PX + (row.indent - 1) * INDENT_PX;
  return (
    <>
      {lines.map((level) => (
        <span
          key={level}
          class="guide"
          style={{ left: `${FIRST_PX + (level - 1) * INDENT_PX}px` }}
        />
      ))}
      <span class={row.last ? "guide guide-last" : "guide"} style={{ left: `${own}px` }} />
      <span class={leaf ? "guide-in guide-leaf" : "guide-in"} style={{ left: `${own}px` }} />
    </>
  );
}

function SpanCells({ row, view, now, hues, onToggle }: RowProps & { row: SpanRow }) {
  const { node } = row;
  const { span } = node;
  const failed = span.status === "error";
  return (
    <>
      <div
        class="wf-name"
        role="gridcell"
        style={{ paddingLeft: `${6 + row.indent * INDENT_PX}px` }}
      >
        <Guides row={row} />
        <Caret row={row} onToggle={onToggle} />
        <span
          class="hue-icon"
          style={{ color: failed ? "var(--error)" : hues.color(span.service) }}
        >
          <SpanIcon span={span} />
        </span>
        <span
          class={`wf-title clip ${failed ? "bad" : span.genai?.kind === "infra" ? "wf-infra" : ""}`}
          title={`${span.name} · ${span.service}`}
        >
          {span.name}
        </span>
        <span class="wf-service clip">{span.service}</span>
        <Marks node={node} folded={row.folded} />
      </div>
      <div class="wf-time" role="gridcell">
        <Bar
          node={node}
          view={view}
          now={now}
          color={failed ? "var(--error)" : hues.color(span.service)}
        />
      </div>
    </>
  );
}

function Caret({ row, onToggle }: { row: SpanRow; onToggle: () => void }) {
  if (!row.foldable) return <span class="wf-caret" />;
  return (
    <button
      type="button"
      class="wf-caret"
      tabIndex={-1}
      aria-label={row.folded ? "Unfold" : "Fold"}
      onClick={(event) => {
        event.stopPropagation();
        onToggle();
      }}
    >
      <Icon name={row.folded ? "right" : "down"} size={12} />
    </button>
  );
}

function Marks({ node, folded }: { node: SpanNode; folded: boolean }) {
  return (
    <span class="wf-marks">
      {node.broken === "orphan" && (
        <span class="mark-note" title={`Its parent ${node.span.parent_span_id} has not arrived`}>
          parent missing
        </span>
      )}
      {node.broken === "cycle" && (
        <span class="mark-note" title="Its parents lead back to itself; shown at the top instead">
          loop
        </span>
      )}
      {node.span.state === "lost" && (
        <span class="mark-note" title="It never ended: its process is gone">
          lost
        </span>
      )}
      {folded && node.errorBelow && (
        <span class="bad" title="Something in it failed">
          <Icon name="error" size={13} />
        </span>
      )}
      {folded && <span class="wf-below">+{node.below}</span>}
    </span>
  );
}

/** Share of the width that a label needs beside its bar. */
const LABEL_ROOM = 0.13;

function Bar(props: { node: SpanNode; view: TimeWindow; now: number; color: string }) {
  const { node, view, now, color } = props;
  const { span } = node;
  const end = node.end ?? Math.max(node.start, span.state === "open" ? now : view.to);
  const shape = bar(view, node.start, end);
  if (!shape) return <Outside before={end < view.from} />;
  const right = 1 - shape.left - shape.width;
  const [place, style] =
    right > LABEL_ROOM
      ? ["after", { left: `${(1 - right) * 100}%` }]
      : shape.left > LABEL_ROOM
        ? ["before", { right: `${(1 - shape.left) * 100}%` }]
        : ["inside", { left: `${shape.left * 100}%` }];
  const running = span.state === "open" && place === "inside";
  const shown = span.state === "lost" ? "never ended" : formatDuration(end - node.start);
  const model = span.genai?.kind === "llm" ? span.genai.usage : null;
  return (
    <>
      <span
        class={`bar bar-${span.state}${shape.cutLeft ? " bar-cut-left" : ""}${shape.cutRight ? " bar-cut-right" : ""}`}
        style={{
          left: `${shape.left * 100}%`,
          width: `${shape.width * 100}%`,
          "--bar-color": color,
        }}
      />
      {span.events.map((event, index) => {
        const at = position(
          view,
          node.start + Number(BigInt(event.time_unix_nano) - BigInt(span.start_time_unix_nano)),
        );
        return at === null ? null : (
          <span
            key={index}
            class={event.name === "exception" ? "event event-bad" : "event"}
            title={event.name}
            style={{ left: `${at * 100}%` }}
          />
        );
      })}
      <span
        class={`bar-label bar-label-${place}${running ? " bar-label-running" : ""}`}
        style={style}
      >
        {shown}
        {model && (
          <span class="bar-tokens">
            <Tokens usage={model} />
          </span>
        )}
      </span>
    </>
  );
}

function Outside({ before }: { before: boolean }) {
  return (
    <span
      class={before ? "outside outside-before" : "outside outside-after"}
      title="Outside of the time in view"
    >
      <Icon name={before ? "left" : "right"} size={12} />
    </span>
  );
}

function LogCells({ row, view, hues }: RowProps & { row: LogRow }) {
  const { log } = row;
  const level = levelOf(log.severity_number);
  const at = position(view, row.at);
  const pairs = summary(log.attributes);
  return (
    <>
      <div
        class="wf-name"
        role="gridcell"
        style={{ paddingLeft: `${6 + row.indent * INDENT_PX}px` }}
      >
        <Guides row={row} />
        <span class="wf-caret" />
        <span class={`log-mark log-${level}`} title={level} />
        <span class={`wf-body clip log-text-${level}`} title={inline(log.body)}>
          {logText(log)}
        </span>
        {!row.node && (
          <span class="wf-service clip" style={{ color: hues.color(log.service) }}>
            {log.service}
          </span>
        )}
      </div>
      <div class="wf-time" role="gridcell">
        {at === null ? (
          <Outside before={row.at < view.from} />
        ) : (
          <>
            <span class={`moment log-${level}`} style={{ left: `${at * 100}%` }} />
            <span
              class={`moment-text clip ${at > 0.62 ? "moment-before" : ""}`}
              style={at > 0.62 ? { right: `${(1 - at) * 100}%` } : { left: `${at * 100}%` }}
            >
              {pairs.map(({ key, value }) => (
                <span key={key} class="pair">
                  <span class="pair-key">{key}</span>={value}
                </span>
              ))}
            </span>
          </>
        )}
      </div>
    </>
  );
}
