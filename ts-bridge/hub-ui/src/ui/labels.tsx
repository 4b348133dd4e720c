/** What a thing is, in a word, a colour and a shape: never by colour alone. */

import type { Span, TraceState, Usage } from "../api.ts";
import { count, short } from "../model/attributes.ts";
import { ServiceHues } from "../model/service-hues.ts";
import { levelOf } from "../model/severity.ts";
import { Icon, type IconName, isIcon } from "./icons.tsx";

/** Colours for lists that show many traces; a single trace gives out its own. */
export const sessionHues = new ServiceHues();

export function ServiceName({ name, hues = sessionHues }: { name: string; hues?: ServiceHues }) {
  return (
    <span class="service" title={name}>
      <span class="service-dot" style={{ background: hues.color(name) }} />
      <span class="clip">{name || "(no service)"}</span>
    </span>
  );
}

const STATE_TEXT: Record<TraceState, string> = {
  open: "running",
  complete: "complete",
  lost: "lost",
};

const STATE_TITLE: Record<TraceState, string> = {
  open: "A span of it has begun and not ended",
  complete: "Every span of it has ended",
  lost: "A span of it never ended: its process is gone",
};

/** How a trace or run stands. A complete one that failed says that instead. */
export function StateBadge({ state, errors = 0 }: { state: TraceState; errors?: number }) {
  const failed = state === "complete" && errors > 0;
  return (
    <span class={`state state-${failed ? "failed" : state}`} title={STATE_TITLE[state]}>
      <span class="state-mark" />
      {failed ? "failed" : STATE_TEXT[state]}
    </span>
  );
}

export function SeverityTag({ severity, text }: { severity: number; text: string }) {
  const level = levelOf(severity);
  return (
    <span class={`severity severity-${level}`} title={text}>
      {level}
    </span>
  );
}

/** All that is known of the tokens, in words. */
export function usageText(usage: Usage): string {
  const parts = [`${count(usage.input_tokens)} tokens in`];
  if (usage.cache_read_tokens)
    parts.push(`of them ${count(usage.cache_read_tokens)} from the cache`);
  if (usage.cache_write_tokens) parts.push(`${count(usage.cache_write_tokens)} into the cache`);
  parts.push(`${count(usage.output_tokens)} out`);
  if (usage.reasoning_tokens) parts.push(`of them ${count(usage.reasoning_tokens)} of reasoning`);
  return parts.join(", ");
}

export function Tokens({ usage }: { usage: Usage | null }) {
  if (usage === null) return null;
  return (
    <span class="tokens" title={usageText(usage)}>
      {short(usage.input_tokens)}
      <span class="faint"> → </span>
      {short(usage.output_tokens)}
    </span>
  );
}

/** The icon of what a span does: its agent kind, or what its attributes tell, or its span kind. */
export function spanIcon(span: Pick<Span, "genai" | "kind" | "attributes" | "name">): IconName {
  if (span.genai) return isIcon(span.genai.kind) ? span.genai.kind : "step";
  if ("db.system.name" in span.attributes || "db.system" in span.attributes) return "database";
  if (span.kind === "internal" && /^click\b/.test(span.name)) return "click";
  return span.kind;
}

const KIND_TEXT: Partial<Record<IconName, string>> = {
  llm: "model call",
  tool: "tool call",
  database: "database call",
  click: "click",
};

export function SpanIcon({ span }: { span: Span }) {
  const name = spanIcon(span);
  return (
    <span class="span-icon" title={KIND_TEXT[name] ?? name}>
      <Icon name={name} />
    </span>
  );
}
