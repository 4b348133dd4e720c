import { isSecretKey, REDACTED, redactText } from "../privacy/redact.js";

/** Longest text kept, in UTF-16 units; the rest is cut. */
const MAX_TEXT = 16_384;
/** Deepest nesting kept, of the protocol's 32: what is deeper is a graph and no data. */
const MAX_DEPTH = 8;
/** Most values taken from one attribute, so that a logged state tree cannot stop the page. */
const MAX_VALUES = 1_000;
/** Rule 5 of the bridge protocol. */
export const MAX_ATTRIBUTES = 128;

type Values = Readonly<Record<string, unknown>>;

/** A JSON string; lone surrogates, which no UTF-8 can hold, become U+FFFD. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.includes("\\ud")
    ? JSON.stringify(text.replace(/\p{Surrogate}/gu, "\ufffd"))
    : quoted;
}

/** Text as it may leave the page: cut to length, credentials taken out, quoted. */
export function quoteText(text: unknown): string {
  const given = String(text);
  return quote(redactText(given.length > MAX_TEXT ? `${given.slice(0, MAX_TEXT)}…` : given));
}

const textValue = (text: unknown) => `{"stringValue":${quoteText(text)}}`;

let budget = 0;

/**
 * Any value as an OTLP/JSON `AnyValue`. Never throws: getters that throw, cycles, proxies, functions
 * and everything else become something readable.
 *
 * @param ancestors - the objects that hold *value*, outermost first.
 */
export function anyValue(value: unknown, ancestors: readonly object[] = []): string {
  if (!ancestors.length) budget = MAX_VALUES;
  try {
    switch (typeof value) {
      case "boolean":
        return `{"boolValue":${value}}`;
      case "number":
        if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
        return `{"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}}`;
      case "bigint":
        return BigInt.asIntN(64, value) === value ? `{"intValue":"${value}"}` : textValue(value);
      case "object":
        return value ? objectValue(value, ancestors) : "{}";
      case "undefined":
        return "{}";
      default:
        return textValue(value);
    }
  } catch {
    return textValue("[unreadable]"); // a getter, a proxy or a toString of the page threw
  }
}

function objectValue(value: object, ancestors: readonly object[]): string {
  if (ancestors.length > MAX_DEPTH || ancestors.includes(value)) return textValue("[…]");
  const path = [...ancestors, value];
  const { toJSON, nodeName, id } = value as { toJSON?: unknown; nodeName?: unknown; id?: unknown };
  if (value instanceof Error) return textValue(value);
  if (typeof nodeName === "string") return textValue(`<${nodeName}${id ? `#${id}` : ""}>`);
  if (typeof toJSON === "function") return anyValue(toJSON.call(value), path);
  if (value instanceof Uint8Array) {
    return `{"bytesValue":"${btoa(String.fromCharCode(...value.subarray(0, MAX_TEXT)))}"}`;
  }
  if (Array.isArray(value) || value instanceof Set || value instanceof Map) {
    const items = [...value].slice(0, Math.max(0, budget));
    budget -= items.length;
    return `{"arrayValue":{"values":[${items.map((item) => anyValue(item, path))}]}}`;
  }
  return `{"kvlistValue":{"values":[${keyValues([value as Values], path)[0]}]}}`;
}

/** A copy of the properties of all of these, the last one counting; never throws. */
export function collect(...sources: (object | undefined)[]): Record<string, unknown> {
  try {
    return Object.assign({}, ...sources);
  } catch {
    return { "otbridge.attributes": "[unreadable]" }; // a getter or a proxy of the page threw
  }
}

/** What stands before the value of an attribute, and whether the value is a secret's; by key. */
const prefixes = new Map<string, [json: string, secret: boolean]>();

function prefixOf(key: string): [json: string, secret: boolean] {
  const known = prefixes.get(key);
  if (known) return known;
  const prefix: [string, boolean] = [`{"key":${quote(key)},"value":`, isSecretKey(key)];
  // Keys are few, unless somebody puts ids into them.
  if (prefixes.size < MAX_VALUES) prefixes.set(key, prefix);
  return prefix;
}

/** Attributes as the elements of an OTLP/JSON `KeyValue` list, and how many were too many. */
export function keyValues(
  sources: readonly (Values | undefined)[],
  path?: readonly object[],
): [json: string, dropped: number] {
  let json = "";
  let count = 0;
  for (const source of sources) {
    for (const key in source) {
      const value = source[key];
      if (value === undefined || value === null) continue;
      if (++count > MAX_ATTRIBUTES || (path && --budget < 0)) continue;
      const [prefix, secret] = prefixOf(key);
      json += `${json && ","}${prefix}${anyValue(secret ? REDACTED : value, path)}}`;
    }
  }
  return [json, Math.max(0, count - MAX_ATTRIBUTES)];
}
