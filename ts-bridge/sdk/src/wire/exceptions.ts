/** The attributes of an exception, by the names of the OpenTelemetry conventions. */
export type ExceptionAttributes = {
  "exception.type": string;
  "exception.message": string;
  "exception.stacktrace"?: string | undefined;
};

/** What was thrown. Never throws. */
export function exceptionAttributes(thrown: unknown): ExceptionAttributes {
  try {
    const { name = typeof thrown, message = thrown, stack, cause } = Object(thrown) as Error;
    return {
      "exception.type": String(name),
      "exception.message": String(message),
      // As the engine wrote them: they are parsed where they are shown.
      "exception.stacktrace":
        stack && cause instanceof Error ? `${stack}\nCaused by: ${cause.stack}` : stack,
    };
  } catch {
    // A getter of the page threw.
    return { "exception.type": "Error", "exception.message": "[unreadable]" };
  }
}

/** One line for people: `TypeError: x is not a function`. */
export function describeException(attributes: ExceptionAttributes): string {
  return `${attributes["exception.type"]}: ${attributes["exception.message"]}`;
}
