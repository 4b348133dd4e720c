/** Severity numbers of OpenTelemetry, in the six steps that people speak of. */

export type Level = "trace" | "debug" | "info" | "warn" | "error" | "fatal";

/** From loud to quiet, with the lowest number of each. */
export const LEVELS: readonly { level: Level; from: number }[] = [
  { level: "fatal", from: 21 },
  { level: "error", from: 17 },
  { level: "warn", from: 13 },
  { level: "info", from: 9 },
  { level: "debug", from: 5 },
  { level: "trace", from: 1 },
];

/** The step a number belongs to; 0 ("not said") counts as info, as most such senders mean it. */
export function levelOf(severity: number): Level {
  if (severity === 0) return "info";
  return LEVELS.find(({ from }) => severity >= from)?.level ?? "info";
}

/** The lowest number of a level by its name; 0 where it names none. */
export function severityFrom(level: string): number {
  return LEVELS.find((entry) => entry.level === level)?.from ?? 0;
}
