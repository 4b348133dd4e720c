import { originalOf } from "./instrument/patch.js";

const said = new Set<string>();

/**
 * Tells the developer something, once per page for each text.
 *
 * It goes to the console as it was before anything wrapped it: our own words are never recorded.
 */
export function warnOnce(what: string): void {
  if (said.has(what) || said.size >= 50) return;
  said.add(what);
  originalOf(console.warn).call(console, `otbridge: ${what}`);
}

/** Lets a later `init` say everything again. */
export function forgetWarnings(): void {
  said.clear();
}
