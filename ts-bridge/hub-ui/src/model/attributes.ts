/** Attribute values as text: short for rows, whole for panels and the clipboard. */

import type { Attributes, AttributeValue, Log } from "../api.ts";

/** A value on one line. Strings stand as they are, everything else as JSON. */
export function inline(value: AttributeValue): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return text.replace(/\s+/g, " ").trim();
}

/** Structures up to this many characters stay on one line. */
const ONE_LINE = 56;

/**
 * A value as it is shown when there is room: JSON in strings is laid out, because instrumentations
 * must put structures into strings.
 */
export function pretty(value: AttributeValue): string {
  const structure = typeof value === "string" ? parseStructure(value) : value;
  if (structure === null) return String(value);
  const flat = JSON.stringify(structure);
  return flat.length <= ONE_LINE ? flat : JSON.stringify(structure, null, 2);
}

/** The object or array that a string is the JSON of; null when it is none. */
export function parseStructure(text: string): AttributeValue[] | Attributes | null {
  const first = text.trimStart()[0];
  if (first !== "{" && first !== "[") return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" ? (value as AttributeValue[] | Attributes) : null;
  } catch {
    return null; // Looks like JSON and is not: shown as the text it is.
  }
}

/** What a log line says: its body, or the event's name where it has no body. */
export function logText(log: Log): string {
  const text = log.body === null ? "" : inline(log.body);
  return text || log.event_name || "(empty)";
}

/** Attributes that every record carries and no row needs to repeat. */
const QUIET = /^(code|thread|process|telemetry|otbridge|log)\.|^exception\.stacktrace$/;

/** `key=value` of the attributes worth a place in a row, at most `limit` of them. */
export function summary(attributes: Attributes, limit = 6): { key: string; value: string }[] {
  const pairs: { key: string; value: string }[] = [];
  for (const [key, value] of Object.entries(attributes)) {
    if (pairs.length === limit) break;
    if (QUIET.test(key)) continue;
    const text = inline(value);
    pairs.push({ key, value: text.length > 80 ? `${text.slice(0, 79)}…` : text });
  }
  return pairs;
}

/** `1,204` */
export function count(value: number): string {
  return value.toLocaleString("en-US");
}

/** `310`, `1.2k`, `34k`, `1.5M`: for places of four characters. */
export function short(value: number): string {
  if (value < 1000) return String(value);
  const [scaled, unit] = value < 999_500 ? [value / 1000, "k"] : [value / 1e6, "M"];
  return `${scaled < 9.95 ? scaled.toFixed(1) : Math.round(scaled)}${unit}`;
}

/** `1 span`, `2 spans`. */
export function plural(amount: number, noun: string): string {
  return `${count(amount)} ${noun}${amount === 1 ? "" : "s"}`;
}
