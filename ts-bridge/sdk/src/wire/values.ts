import { isSecretKey, REDACTED, redactText } from "../privacy/redact.js";

/** Longest text kept, in UTF-16 units; the rest is cut. */
const MAX_TEXT = 16_384;
/** Deepest nesting kept, of the protocol's 32: what is deeper is a graph and no data. */
const MAX_DEPTH = 8;
/** Most values taken from one attribute, so that a logged state tree cannot stop the page. */
const MAX_VALUES = 1_000;
/** Rule 5 of the bridge protocol. */
export const MAX_ATTRIBUTES = 128;

/** OTLP/JSON `AnyValue` and `KeyValue`, to be written by {@link toJson}. */
export type AnyValue = Readonly<Record<string, unknown>>;
export type KeyValue = Readonly<{ key: string; value: AnyValue }>;

type Values = Readonly<Record<string, unknown>>;

/** Lone surrogates, which no UTF-8 can hold, among all that JSON escapes. */
const ESCAPES = /\\(ud[89a-f]..|.)/g;

/** JSON; lone surrogates become U+FFFD. */
export function toJson(value: object): string {
  const json = JSON.stringify(value);
  return json.includes("\\ud")
    ? json.replace(ESCAPES, (whole, { length }: string) => (length > 1 ? "\\ufffd" : whole))
    : json;
}

/** Text as it may leave the page: cut to length, credentials taken out. */
export function cleanText(text: unknown): string {
  const given = String(text);
  return redactText(given.length > MAX_TEXT ? `${given.slice(0, MAX_TEXT)}…` : given);
}

const textValue = (text: unknown) => ({ stringValue: cleanText(text) });

let budget = 0;

/**
 * Any value as an OTLP/JSON `AnyValue`. Never throws: getters that throw, cycles, proxies, functions
 * and everything else become something readable.
 *
 * @param ancestors - the objects that hold *value*, outermost first.
 */
export function anyValue(value: unknown, ancestors: readonly object[] = []): AnyValue {
  if (!ancestors.length) budget = MAX_VALUES;
  try {
    if (value === undefined || value === null) return {};
    if (typeof value === "boolean") return { boolValue: value };
    if (Number.isSafeInteger(value) || isInt64(value)) return { intValue: String(value) };
    if (typeof value === "number")
      return { doubleValue: Number.isFinite(value) ? value : String(value) };
    return typeof value === "object" ? objectValue(value, ancestors) : textValue(value);
  } catch {
    return textValue("[unreadable]"); // a getter, a proxy or a toString of the page threw
  }
}

function isInt64(value: unknown): boolean {
  return typeof value === "bigint" && BigInt.asIntN(64, value) === value;
}

function objectValue(value: object, ancestors: readonly object[]): AnyValue {
  if (ancestors.length > MAX_DEPTH || ancestors.includes(value)) return textValue("[…]");
  const path = [...ancestors, value];
  const { toJSON, nodeName, id } = value as { toJSON?: unknown; nodeName?: unknown; id?: unknown };
  if (value instanceof Error) return textValue(value);
  if (typeof nodeName === "string") return textValue(`<${nodeName}${id ? `#${id}` : ""}>`);
  if (typeof toJSON === "function") return anyValue(toJSON.call(value), path);
  if (value instanceof Uint8Array) {
    return { bytesValue: btoa(String.fromCharCode(...value.subarray(0, MAX_TEXT))) };
  }
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    const items = [...value].slice(0, Math.max(0, budget));
    budget -= items.length;
    return { arrayValue: { values: items.map((item) => anyValue(item, path)) } };
  }
  return { kvlistValue: { values: keyValues([value as Values], path)[0] } };
}

/** A copy of the properties of all of these, the last one counting; never throws. */
export function collect(...sources: (object | undefined)[]): Record<string, unknown> {
  try {
    return Object.assign({}, ...sources);
  } catch {
    return { "otbridge.attributes": "[unreadable]" }; // a getter or a proxy of the page threw
  }
}

/** Whether the value of an attribute is a secret's; by key. */
const secrets = new Map<string, boolean>();

function isSecret(key: string): boolean {
  const secret = secrets.get(key) ?? isSecretKey(key);
  // Keys are few, unless somebody puts ids into them.
  if (secrets.size < MAX_VALUES) secrets.set(key, secret);
  return secret;
}

/** Attributes as an OTLP/JSON `KeyValue` list, and how many were too many. */
export function keyValues(
  sources: readonly (Values | undefined)[],
  path?: readonly object[],
): [list: KeyValue[], dropped: number] {
  const list: KeyValue[] = [];
  let dropped = 0;
  for (const source of sources) {
    for (const key in source) {
      const value = source[key];
      if (value === undefined || value === null) continue;
      if (list.length >= MAX_ATTRIBUTES) dropped++;
      else if (!path || budget-- > 0)
        list.push({ key, value: anyValue(isSecret(key) ? REDACTED : value, path) });
    }
  }
  return [list, dropped];
}
