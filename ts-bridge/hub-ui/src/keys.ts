/**
 * Keyboard commands. Screens register what they understand while they are shown; the help sheet
 * lists exactly that, so the two cannot differ.
 */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Command {
  /** Keys as `KeyboardEvent.key`, two in a row with a space between: `j`, `ArrowDown`, `g l`. */
  readonly keys: readonly string[];
  readonly label: string;
  readonly run: (event: KeyboardEvent) => void;
  /** Left out of the help sheet: another command beside it speaks for both. */
  readonly quiet?: boolean;
}

export interface CommandGroup {
  readonly title: string;
  readonly commands: readonly Command[];
}

/** What is shown last stands last and is asked first. */
const groups: { current: CommandGroup }[] = [];

/** Rises when commands come or go. */
export const commandsChanged = signal(0);

export function commandGroups(): CommandGroup[] {
  return groups.map(({ current }) => current).filter(({ commands }) => commands.length > 0);
}

/** Understand these commands while the component is on screen. */
export function useCommands(title: string, commands: readonly Command[]): void {
  const group = useRef<CommandGroup>({ title, commands });
  group.current = { title, commands };
  useEffect(() => {
    groups.push(group);
    commandsChanged.value += 1;
    return () => {
      groups.splice(groups.indexOf(group), 1);
      commandsChanged.value += 1;
    };
  }, []);
}

const SEQUENCE_MS = 1200;
let first: { key: string; at: number } | null = null;

function onKeyDown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as HTMLElement;
  if (isTyping(target)) {
    if (event.key === "Escape") target.blur();
    return;
  }
  if (document.querySelector("dialog[open]") && event.key !== "?") return;
  // Buttons and links keep the keys that the browser gives them.
  if ((event.key === "Enter" || event.key === " ") && target.closest("button, a, summary")) return;
  const pair = first && Date.now() - first.at < SEQUENCE_MS ? `${first.key} ${event.key}` : null;
  const command = (pair && find(pair)) || find(event.key);
  first = isFirst(event.key) && !pair ? { key: event.key, at: Date.now() } : null;
  if (!command) return;
  event.preventDefault();
  command.run(event);
}

function isTyping(target: HTMLElement): boolean {
  return target.matches?.("input, textarea, select, [contenteditable]") ?? false;
}

function find(keys: string): Command | undefined {
  for (let index = groups.length - 1; index >= 0; index -= 1) {
    const found = groups[index]?.current.commands.find((command) => command.keys.includes(keys));
    if (found) return found;
  }
  return undefined;
}

function isFirst(key: string): boolean {
  return groups.some(({ current }) =>
    current.commands.some(({ keys }) => keys.some((each) => each.startsWith(`${key} `))),
  );
}

/** Listen; `everywhere` is what holds on all screens and is asked last. */
export function startKeys(everywhere: CommandGroup): void {
  groups.unshift({ current: everywhere });
  document.addEventListener("keydown", onKeyDown);
}
