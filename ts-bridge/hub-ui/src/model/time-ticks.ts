/** Round moments for an axis of days, hours, minutes or seconds, in the viewer's time zone. */

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;
const STEPS = [
  ...[1, 2, 5, 10, 15, 30],
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6, 12].map((hours) => hours * HOUR),
  ...[1, 2, 7, 14, 28].map((days) => days * DAY),
];

export interface TimeTick {
  /** Unix seconds. */
  readonly at: number;
  readonly label: string;
}

/** At most `most` round moments within [from, to], both in unix seconds. */
export function timeTicks(from: number, to: number, most: number): TimeTick[] {
  const step = STEPS.find((each) => (to - from) / each <= most) ?? STEPS.at(-1) ?? DAY;
  // Hours and days are round by the wall's clock, not by Greenwich's.
  const ahead = -new Date(from * 1000).getTimezoneOffset() * MINUTE;
  const ticks: TimeTick[] = [];
  for (let at = Math.ceil((from + ahead) / step) * step - ahead; at <= to; at += step) {
    ticks.push({ at, label: labelOf(new Date(at * 1000), step) });
  }
  return ticks;
}

function labelOf(date: Date, step: number): string {
  const [hours, minutes, seconds] = [date.getHours(), date.getMinutes(), date.getSeconds()].map(
    (part) => String(part).padStart(2, "0"),
  );
  if (step >= DAY) return date.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  return step < MINUTE ? `${hours}:${minutes}:${seconds}` : `${hours}:${minutes}`;
}
