import { isSecretKey, REDACTED } from "../privacy/redact.js";

const MAX_ITEMS = 50;
const MAX_DEPTH = 4;

/** What the console makes of these arguments, in one line and by its rules for `%s`. Never throws. */
export function consoleText(args: readonly unknown[]): string {
  const rest = [...args];
  let text = "";
  if (typeof rest[0] === "string") {
    text = (rest.shift() as string).replace(/%([sdifoOjc%])/g, (placeholder, kind: string) => {
      if (kind === "%" || !rest.length) return kind === "%" ? kind : placeholder;
      const value = show(rest.shift(), 0);
      return kind === "c" ? "" : value; // `%c` is only colour
    });
  }
  return [text, ...rest.map((value) => show(value, 0))].join(" ").trim();
}

function show(value: unknown, depth: number): string {
  try {
    if (typeof value === "string") return depth ? JSON.stringify(value) : value;
    if (!value || typeof value !== "object") return String(value);
    if (Array.isArray(value)) {
      return depth > MAX_DEPTH ? "[…]" : `[${value.slice(0, MAX_ITEMS).map((item) => show(item, depth + 1)).join(", ")}]`;
    }
    if (value instanceof Error || "nodeName" in value || depth > MAX_DEPTH) return String(value);
    const entries = Object.entries(value).slice(0, MAX_ITEMS);
    return `{${entries.map(([key, item]) => `${key}: ${isSecretKey(key) ? REDACTED : show(item, depth + 1)}`).join(", ")}}`;
  } catch {
    return "[unreadable]"; // a getter, a proxy or a toString of the page threw
  }
}
