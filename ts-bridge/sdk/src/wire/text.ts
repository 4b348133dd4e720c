import { isSecretKey, REDACTED } from "../privacy/redact.js";

const MAX_TEXT = 4_096;
const MAX_ITEMS = 50;
const MAX_DEPTH = 4;

/** Any value as one readable line, like the console shows it. Never throws. */
export function anyText(value: unknown): string {
  if (typeof value === "string") return value;
  try {
    return render(value, []).slice(0, MAX_TEXT);
  } catch {
    return "[unreadable]"; // a getter, a proxy or a toString of the page threw
  }
}

function render(value: unknown, ancestors: object[]): string {
  if (typeof value === "string") return ancestors.length ? JSON.stringify(value) : value;
  if (typeof value !== "object" || value === null) return typeof value === "bigint" ? `${value}n` : String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  if (typeof (value as Node).nodeName === "string") return `<${(value as Node).nodeName.toLowerCase()}>`;
  if (ancestors.includes(value)) return "[circular]";
  if (ancestors.length >= MAX_DEPTH) return Array.isArray(value) ? "[…]" : "{…}";
  const path = [...ancestors, value];
  if (Array.isArray(value)) return `[${value.slice(0, MAX_ITEMS).map((item) => render(item, path)).join(", ")}]`;
  if (value instanceof Date || value instanceof RegExp || value instanceof URL) return String(value);
  const entries = Object.entries(value).slice(0, MAX_ITEMS);
  return `{${entries.map(([key, item]) => `${key}: ${isSecretKey(key) ? REDACTED : render(item, path)}`).join(", ")}}`;
}
