/** What was thrown, by the attribute names of the OpenTelemetry conventions. */
export function exceptionAttributes(thrown: unknown): Record<string, string> {
  try {
    if (typeof thrown !== "object" || thrown === null) {
      return { "exception.type": typeof thrown, "exception.message": String(thrown) };
    }
    const { name, message, stack, constructor } = thrown as Partial<Error>;
    const attributes: Record<string, string> = {
      "exception.type": String(name || constructor?.name || "Error"),
      "exception.message": String(message ?? thrown),
    };
    const trace = stackOf(stack, (thrown as { cause?: unknown }).cause);
    if (trace) attributes["exception.stacktrace"] = trace;
    return attributes;
  } catch {
    return { "exception.type": "unknown", "exception.message": "[unreadable]" };
  }
}

/** The stack as the engine wrote it, and the stacks of its causes. It is parsed by the hub. */
function stackOf(stack: unknown, cause: unknown): string {
  let text = stack ? String(stack) : "";
  for (let depth = 0; cause instanceof Error && depth < 5; depth++) {
    text += `\nCaused by: ${cause.stack ?? cause}`;
    cause = cause.cause;
  }
  return text;
}

/** One line for people: `TypeError: x is not a function`. */
export function describeException(attributes: Record<string, string>): string {
  const { "exception.type": type, "exception.message": message } = attributes;
  return message ? `${type}: ${message}` : `${type}`;
}
