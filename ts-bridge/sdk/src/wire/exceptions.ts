/** What was thrown, by the attribute names of the OpenTelemetry conventions. Never throws. */
export function exceptionAttributes(thrown: unknown): Record<string, string> {
  const attributes: Record<string, string> = {};
  try {
    const { name, message, stack, cause } = Object(thrown) as Error;
    attributes["exception.type"] = String(name ?? typeof thrown);
    attributes["exception.message"] = String(message ?? thrown);
    // As the engine wrote it: it is parsed where it is shown.
    if (stack) attributes["exception.stacktrace"] = stack + causes(cause);
  } catch {
    attributes["exception.message"] = "[unreadable]"; // a getter of the page threw
  }
  return attributes;
}

/** The stacks of what led to it; a few, because they may go in a circle. */
function causes(cause: unknown, depth = 0): string {
  if (!(cause instanceof Error) || depth > 4) return "";
  return `\nCaused by: ${cause.stack ?? cause}${causes(cause.cause, depth + 1)}`;
}

/** One line for people: `TypeError: x is not a function`. */
export function describeException(attributes: Record<string, string>): string {
  return `${attributes["exception.type"]}: ${attributes["exception.message"]}`;
}
