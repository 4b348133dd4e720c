/** Light, dark, or as the system has it. The choice is kept by the browser. */

import { effect, signal } from "@preact/signals";

export type Theme = "system" | "light" | "dark";

const KEY = "otbridge.theme";
const ORDER: readonly Theme[] = ["system", "light", "dark"];

export const theme = signal<Theme>(stored());

/** Rises whenever colours change: what is drawn on a canvas has to be drawn again. */
export const coloursChanged = signal(0);

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return ORDER.find((each) => each === value) ?? "system";
  } catch {
    return "system"; // Storage is forbidden in some private windows; the page works without.
  }
}

export function nextTheme(): void {
  theme.value = ORDER[(ORDER.indexOf(theme.value) + 1) % ORDER.length] ?? "system";
  try {
    localStorage.setItem(KEY, theme.value);
  } catch {
    // As above: the choice then lasts as long as the page.
  }
}

export function startTheme(): void {
  effect(() => {
    if (theme.value === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = theme.value;
    coloursChanged.value = coloursChanged.peek() + 1;
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    coloursChanged.value += 1;
  });
}
