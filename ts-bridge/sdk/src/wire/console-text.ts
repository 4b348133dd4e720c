import { isSecretKey, REDACTED } from "../privacy/redact.js";

const MAX_DEPTH = 4;
/** Most values shown of one call, so that a logged state tree cannot stop the page. */
const MAX_VALUES = 200;

let budget = 0;

/** What the console makes of these arguments, in one line and by its rules for `%s`. Never throws. */
export function consoleText(args: readonly unknown[]): string {
  budget = MAX_VALUES;
  const rest = [...args];
  const parts: string[] = [];
  if (typeof rest[0] === "string") {
    const format = rest.shift() as string;
    parts.push(
      format.replace(/%([sdifoOjc%])/g, (placeholder, kind: string) => {
        if (kind === "%") return kind;
        if (!rest.length) return placeholder;
        const value = show(rest.shift(), 0);
        return kind === "c" ? "" : value; // `%c` is only colour
      }),
    );
  }
  return [...parts, ...rest.map((value) => show(value, 0))].join(" ");
}

function show(value: unknown, depth: number): string {
  try {
    if (typeof value === "string") return depth ? JSON.stringify(value) : value;
    if (!value || typeof value !== "object") return String(value);
    if (value instanceof Error || "nodeName" in value) return String(value);
    const isArray = Array.isArray(value);
    const entries = depth > MAX_DEPTH || --budget < 0 ? ["…"] : Object.entries(value).map(([key, item]) => {
      if (--budget < 0) return "";
      const shown = isSecretKey(key) ? REDACTED : show(item, depth + 1);
      return isArray ? shown : `${key}: ${shown}`;
    });
    const list = entries.filter(Boolean).join(", ");
    return isArray ? `[${list}]` : `{${list}}`;
  } catch {
    return "[unreadable]"; // a getter, a proxy or a toString of the page threw
  }
}
