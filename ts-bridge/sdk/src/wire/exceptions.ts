/** What was thrown, by the attribute names of the OpenTelemetry conventions. Never throws. */
export function exceptionAttributes(thrown: unknown): Record<string, string> {
  const attributes: Record<string, string> = {};
  try {
    const { name, message, stack, cause } = Object(thrown) as Error;
    attributes["exception.type"] = String(name ?? typeof thrown);
    attributes["exception.message"] = String(message ?? thrown);
    // As the engine wrote them: they are parsed where they are shown.
    const led = cause instanceof Error ? `\nCaused by: ${cause.stack}` : "";
    if (stack) attributes["exception.stacktrace"] = stack + led;
  } catch {
    attributes["exception.message"] = "[unreadable]"; // a getter of the page threw
  }
  return attributes;
}

/** One line for people: `TypeError: x is not a function`. */
export function describeException(attributes: Record<string, string>): string {
  return `${attributes["exception.type"]}: ${attributes["exception.message"]}`;
}
