/** Whether the page is as narrow as a phone: rows then have two lines. See phone.css. */

import { signal } from "@preact/signals";

const narrow = matchMedia("(max-width: 700px)");

export const compact = signal(narrow.matches);

narrow.addEventListener("change", () => {
  compact.value = narrow.matches;
});

/** Height of a row with two lines, in pixels. */
export const TWO_LINES = 52;
