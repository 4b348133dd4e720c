/**
 * The search language, as far as the page has to understand it itself: rows that the live feed
 * brings must pass the same test as the rows that the hub has searched for.
 */

import type { AttributeValue, LiveItem, Log, Span } from "../api.ts";
import { conditionsIn, holds, splitSearch } from "./conditions.ts";
import { severityFrom } from "./severity.ts";

export interface Term {
  /** Null for a plain word. */
  readonly key: string | null;
  /** Without case and accents. */
  readonly text: string;
}

/** Words, and `key=value` pairs; quotes hold spaces together: `user="Ada L"` or `"not found"`. */
export function parseTerms(query: string): Term[] {
  const terms: Term[] = [];
  for (const match of query.matchAll(/([^\s="]+)=(?:"([^"]*)"|(\S*))|"([^"]*)"|(\S+)/g)) {
    const [, key, quoted, bare, phrase, word] = match;
    const text = fold(quoted ?? bare ?? phrase ?? word ?? "");
    if (key !== undefined) terms.push({ key, text });
    else if (text !== "") terms.push({ key: null, text });
  }
  return terms;
}

export interface LogFilter {
  readonly service: string;
  readonly severity: string;
  readonly q: string;
}

/** A test that is parsed once and asked often. */
export function logMatcher(filter: LogFilter): (log: Log) => boolean {
  const least = severityFrom(filter.severity);
  const terms = parseTerms(splitSearch(filter.q).q);
  const conditions = conditionsIn(filter.q);
  return (log) =>
    (filter.service === "" || log.service === filter.service) &&
    log.severity_number >= least &&
    conditions.every((condition) => holds(condition, log.attributes)) &&
    terms.every((term) => logHas(log, term));
}

function logHas(log: Log, term: Term): boolean {
  if (term.key !== null) return attributeIs(log.attributes[term.key], term.text);
  return (
    contains(log.body, term.text) ||
    contains(log.event_name, term.text) ||
    Object.values(log.attributes).some((value) => contains(value, term.text))
  );
}

function attributeIs(value: AttributeValue | undefined, text: string): boolean {
  return value !== undefined && asText(value) === text;
}

/** Whether the text begins a word of the value: `ord` finds `order` and not `record`. */
function contains(value: AttributeValue, text: string): boolean {
  const whole = asText(value);
  for (let at = whole.indexOf(text); at >= 0; at = whole.indexOf(text, at + 1)) {
    if (at === 0 || !WORD_CHARACTER.test(whole[at - 1] ?? "")) return true;
  }
  return false;
}

const WORD_CHARACTER = /[\p{L}\p{N}]/u;

function asText(value: AttributeValue): string {
  return fold(typeof value === "string" ? value : JSON.stringify(value));
}

/** Without case and accents. */
function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

export interface LiveFilter extends LogFilter {
  readonly kinds: ReadonlySet<LiveKind>;
}

/** What the Live screen can be narrowed to. */
export type LiveKind = "logs" | "spans" | "agents";

export const LIVE_KINDS: readonly LiveKind[] = ["logs", "spans", "agents"];

export function kindOf(item: LiveItem): LiveKind {
  if (item.t === "log") return "logs";
  return item.genai === null ? "spans" : "agents";
}

export function liveMatcher(filter: LiveFilter): (item: LiveItem) => boolean {
  const matchLog = logMatcher(filter);
  const terms = parseTerms(splitSearch(filter.q).q);
  const conditions = conditionsIn(filter.q);
  const least = severityFrom(filter.severity);
  return (item) => {
    if (!filter.kinds.has(kindOf(item))) return false;
    if (item.t === "log") return matchLog(item);
    if (filter.service !== "" && item.service !== filter.service) return false;
    // A span has no severity; a failed one is an error, any other one is as quiet as debug.
    if (least > 5 && (item.status === "error" ? 17 : 5) < least) return false;
    if (!conditions.every((condition) => holds(condition, item.attributes))) return false;
    return terms.every((term) => spanHas(item, term));
  };
}

function spanHas(span: Span, term: Term): boolean {
  if (term.key !== null) return attributeIs(span.attributes[term.key], term.text);
  return (
    contains(span.name, term.text) ||
    contains(span.status_message, term.text) ||
    Object.values(span.attributes).some((value) => contains(value, term.text))
  );
}
