/**
 * Comparisons in a search, `http.status_code>=500` or `cached!=true`: the API's `attr=`, written among
 * the words. `key=value` is the words' own, which also finds numbers by their digits.
 */

import type { Attributes } from "../api.ts";

export interface Condition {
  readonly key: string;
  readonly operator: ">=" | "<=" | "!=" | ">" | "<";
  readonly value: string | number | boolean;
}

export interface Search {
  /** The words. */
  readonly q: string;
  /** The comparisons, as the API wants them. */
  readonly attr: readonly string[];
}

const COMPARISON = /(?<=^|\s)([^\s"=<>!]+)(>=|<=|!=|>|<)("(?:[^"\\]|\\["\\])*"|[^\s"]+)(?=\s|$)/g;

export function splitSearch(text: string): Search {
  const attr = [...text.matchAll(COMPARISON)].map(([whole]) => whole);
  return { q: text.replace(COMPARISON, "").replace(/\s+/g, " ").trim(), attr };
}

export function conditionsIn(text: string): Condition[] {
  return [...text.matchAll(COMPARISON)].map(([, key, operator, value]) => ({
    key: key ?? "",
    operator: operator as Condition["operator"],
    value: typed(value ?? ""),
  }));
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

function typed(text: string): string | number | boolean {
  if (text.startsWith('"')) return text.slice(1, -1).replace(/\\(["\\])/g, "$1");
  if (NUMBER.test(text)) return Number(text);
  return text === "true" || text === "false" ? text === "true" : text;
}

/** Whether a record's own attribute is so. Types are told apart: 7 is not the text "7". */
export function holds({ key, operator, value }: Condition, attributes: Attributes): boolean {
  const own = attributes[key];
  if (own === undefined || own === null) return false;
  if (operator === "!=") return own !== value;
  if (typeof own !== "number" || typeof value !== "number") return false;
  switch (operator) {
    case ">=":
      return own >= value;
    case "<=":
      return own <= value;
    case ">":
      return own > value;
    case "<":
      return own < value;
  }
}
