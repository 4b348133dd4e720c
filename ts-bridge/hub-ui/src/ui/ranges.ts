/** Stretches of time to look back over, in the API's own notation. */

import type { Option } from "./controls.tsx";

export const RANGES: readonly Option[] = [
  { value: "", label: "Any time" },
  { value: "-5m", label: "Last 5 minutes" },
  { value: "-15m", label: "Last 15 minutes" },
  { value: "-1h", label: "Last hour" },
  { value: "-6h", label: "Last 6 hours" },
  { value: "-1d", label: "Last day" },
  { value: "-7d", label: "Last 7 days" },
];

/** The same for numbers over a time, which always are of one: an hour, where none is chosen. */
export const PAST: readonly Option[] = RANGES.filter(({ value }) => value !== "-1h").map((range) =>
  range.value === "" ? { value: "", label: "Last hour" } : range,
);
