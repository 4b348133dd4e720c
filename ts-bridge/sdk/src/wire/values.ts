import { isSecretKey, REDACTED, redactText } from "../privacy/redact.js";

/** Longest string kept, in UTF-16 units; the rest is cut. */
const MAX_TEXT = 16_384;
/** Deepest nesting kept of the protocol's 32: deeper objects are graphs, not data. */
const MAX_DEPTH = 8;
/** Most values taken from one attribute, so that a logged DOM tree cannot stop the page. */
const MAX_VALUES = 1_000;
/** Rule 5 of the bridge protocol. */
export const MAX_ATTRIBUTES = 128;

const INT64 = 2n ** 63n;
const LONE_SURROGATE = /\p{Surrogate}/gu;

/** A JSON string; lone surrogates, which no UTF-8 can hold, become U+FFFD. */
export function quote(text: string): string {
  const quoted = JSON.stringify(text);
  return quoted.includes("\\ud") ? JSON.stringify(text.replace(LONE_SURROGATE, "\ufffd")) : quoted;
}

/** Text as it may leave the page: cut to length, credentials taken out, quoted. */
export function quoteText(text: string): string {
  return quote(redactText(text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT)}…` : text));
}

const stringValue = (text: string) => `{"stringValue":${quoteText(text)}}`;

let budget = 0;

/**
 * Any value as an OTLP/JSON `AnyValue`. Never throws: getters that throw, cycles, proxies, functions
 * and everything else become something readable.
 */
export function anyValue(value: unknown): string {
  budget = MAX_VALUES;
  return convert(value, []);
}

function convert(value: unknown, ancestors: object[]): string {
  switch (typeof value) {
    case "string":
      return stringValue(value);
    case "number":
      return numberValue(value);
    case "boolean":
      return `{"boolValue":${value}}`;
    case "bigint":
      return value < INT64 && value >= -INT64 ? `{"intValue":"${value}"}` : stringValue(`${value}`);
    case "object":
      return value === null ? "{}" : guarded(value, ancestors);
    case "undefined":
      return "{}";
    default:
      return guarded(value as object, ancestors);
  }
}

function numberValue(value: number): string {
  if (Number.isSafeInteger(value)) return `{"intValue":"${value}"}`;
  return `{"doubleValue":${Number.isFinite(value) ? value : `"${value}"`}}`;
}

function guarded(value: object, ancestors: object[]): string {
  try {
    return objectValue(value, ancestors);
  } catch {
    return '{"stringValue":"[unreadable]"}'; // a getter, a proxy or a toString of the page threw
  }
}

function objectValue(value: object, ancestors: object[]): string {
  if (typeof value !== "object") return stringValue(String(value));
  if (value instanceof Error) return stringValue(`${value.name}: ${value.message}`);
  if (value instanceof Date) return stringValue(Number.isNaN(+value) ? "Invalid Date" : value.toISOString());
  if (value instanceof URL || value instanceof RegExp) return stringValue(String(value));
  if (value instanceof Uint8Array) return `{"bytesValue":"${base64(value)}"}`;
  if (typeof (value as Node).nodeName === "string") return stringValue(describeNode(value as Node));
  if (ancestors.includes(value)) return stringValue("[circular]");
  if (ancestors.length >= MAX_DEPTH || --budget < 0) return stringValue("[…]");
  const path = [...ancestors, value];
  if (Array.isArray(value) || value instanceof Set) return arrayValue([...value], path);
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === "function") return convert(toJSON.call(value), path);
  return mapValue(value instanceof Map ? [...value] : Object.entries(value), path);
}

function arrayValue(items: readonly unknown[], path: object[]): string {
  const kept = items.slice(0, Math.max(0, budget)).map((item) => convert(item, path));
  budget -= kept.length;
  return `{"arrayValue":{"values":[${kept}]}}`;
}

function mapValue(entries: readonly [unknown, unknown][], path: object[]): string {
  const kept = entries.slice(0, Math.max(0, budget));
  budget -= kept.length;
  return `{"kvlistValue":{"values":[${kept.map(([key, value]) => pair(String(key), value, path))}]}}`;
}

function pair(key: string, value: unknown, path: object[]): string {
  return `{"key":${quote(key)},"value":${isSecretKey(key) ? stringValue(REDACTED) : convert(value, path)}}`;
}

function describeNode(node: Node): string {
  const { id } = node as Element;
  return `<${node.nodeName.toLowerCase()}${id ? `#${id}` : ""}>`;
}

function base64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes.subarray(0, MAX_TEXT)) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/** The part of an attribute before its value, or all of it when the key is a secret's. */
const keys = new Map<string, { prefix: string; secret: boolean }>();

function keyPrefix(key: string): { prefix: string; secret: boolean } {
  let known = keys.get(key);
  if (!known) {
    known = { prefix: `{"key":${quote(key)},"value":`, secret: isSecretKey(key) };
    // Keys are few, unless somebody puts ids into them.
    if (keys.size < 1_000) keys.set(key, known);
  }
  return known;
}

/** Attributes as the elements of an OTLP/JSON `KeyValue` list, without the brackets. */
export function attributeList(...sources: (Readonly<Record<string, unknown>> | undefined)[]): {
  json: string;
  dropped: number;
} {
  let json = "";
  let count = 0;
  for (const attributes of sources) {
    for (const key in attributes) {
      const value = readProperty(attributes, key);
      if (value === undefined || value === null) continue;
      if (++count > MAX_ATTRIBUTES) continue;
      const { prefix, secret } = keyPrefix(key);
      json += `${json ? "," : ""}${prefix}${secret ? stringValue(REDACTED) : anyValue(value)}}`;
    }
  }
  return { json, dropped: Math.max(0, count - MAX_ATTRIBUTES) };
}

function readProperty(attributes: Readonly<Record<string, unknown>>, key: string): unknown {
  try {
    return attributes[key];
  } catch {
    return "[unreadable]"; // a getter of the page threw
  }
}
