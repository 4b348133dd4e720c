/** Small things to press and to type into. */

import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Icon, type IconName } from "./icons.tsx";

export function IconButton(props: {
  icon: IconName;
  label: string;
  onClick: () => void;
  pressed?: boolean | undefined;
  disabled?: boolean | undefined;
}) {
  return (
    <button
      type="button"
      class="icon-button"
      aria-label={props.label}
      title={props.label}
      aria-pressed={props.pressed}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      <Icon name={props.icon} />
    </button>
  );
}

export function Button(props: {
  children: ComponentChildren;
  onClick: () => void;
  icon?: IconName;
  primary?: boolean;
  title?: string;
  disabled?: boolean;
}) {
  return (
    <button
      type="button"
      class={props.primary ? "button button-primary" : "button"}
      title={props.title}
      disabled={props.disabled}
      onClick={props.onClick}
    >
      {props.icon && <Icon name={props.icon} />}
      {props.children}
    </button>
  );
}

/** How long a button says that it has copied. */
const COPIED_MS = 1400;

/** Copies when pressed and says so in place. */
export function CopyButton(props: { text: () => string; label: string; words?: string }) {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), COPIED_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  const icon: IconName = copied ? "check" : "copy";
  return (
    <button
      type="button"
      class={props.words ? "button" : "icon-button"}
      aria-label={copied ? "Copied" : props.label}
      title={props.label}
      onClick={async (event) => {
        event.stopPropagation();
        setCopied(await copyText(props.text()));
      }}
    >
      <Icon name={icon} />
      {props.words && (copied ? "Copied" : props.words)}
    </button>
  );
}

/** Put text on the clipboard, also where the page is not a secure context. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No clipboard API over plain HTTP from another machine: the old way still works there.
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    return done;
  }
}

/** How long typing rests before it is taken as a search. */
const TYPING_MS = 180;

/** A search field that reports when typing rests. `/` focuses the one on screen. */
export function SearchBox(props: {
  value: string;
  placeholder: string;
  onChange: (value: string) => void;
  onEnter?: (back: boolean) => void;
  children?: ComponentChildren;
}) {
  const [text, setText] = useState(props.value);
  const timer = useRef(0);
  const reported = useRef(props.value);
  useEffect(() => {
    // Changed from outside: a link, the back button, a facet.
    if (props.value !== reported.current) {
      reported.current = props.value;
      setText(props.value);
    }
  }, [props.value]);
  const report = (value: string) => {
    clearTimeout(timer.current);
    reported.current = value;
    props.onChange(value);
  };
  return (
    <label class="search">
      <Icon name="search" />
      <input
        type="text"
        role="searchbox"
        class="search-input"
        value={text}
        placeholder={props.placeholder}
        aria-label={props.placeholder}
        spellcheck={false}
        autocomplete="off"
        onInput={(event) => {
          const { value } = event.currentTarget;
          setText(value);
          clearTimeout(timer.current);
          timer.current = window.setTimeout(report, TYPING_MS, value);
        }}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          report(event.currentTarget.value);
          props.onEnter?.(event.shiftKey);
        }}
      />
      {props.children}
      {text === "" ? (
        <kbd>/</kbd>
      ) : (
        <button
          type="button"
          class="search-clear"
          aria-label="Clear the search"
          onClick={() => {
            setText("");
            report("");
          }}
        >
          <Icon name="close" size={12} />
        </button>
      )}
    </label>
  );
}

export function focusSearch(): void {
  const input = document.querySelector<HTMLInputElement>(".search-input");
  input?.focus();
  input?.select();
}

export interface Option {
  readonly value: string;
  readonly label: string;
}

export function Select(props: {
  label: string;
  value: string;
  options: readonly Option[];
  onChange: (value: string) => void;
}) {
  // A value from a link that is not on the list any more is still shown, or it could not be undone.
  const known = props.options.some(({ value }) => value === props.value);
  const options = known
    ? props.options
    : [...props.options, { value: props.value, label: props.value }];
  return (
    <label class={props.value ? "select select-set" : "select"}>
      <span class="hidden-text">{props.label}</span>
      <select
        value={props.value}
        aria-label={props.label}
        onChange={(event) => props.onChange(event.currentTarget.value)}
      >
        {options.map(({ value, label }) => (
          <option key={value} value={value} selected={value === props.value}>
            {label}
          </option>
        ))}
      </select>
      <Icon name="down" size={12} />
    </label>
  );
}

/** A switch that looks like a chip. With `narrows`, being on is what takes things away. */
export function Toggle(props: {
  on: boolean;
  onChange: (on: boolean) => void;
  children: ComponentChildren;
  title?: string;
  narrows?: boolean;
}) {
  return (
    <button
      type="button"
      class={props.narrows ? "toggle toggle-narrows" : "toggle"}
      aria-pressed={props.on}
      title={props.title}
      onClick={() => props.onChange(!props.on)}
    >
      {props.children}
    </button>
  );
}

export interface Tab {
  readonly id: string;
  readonly label: string;
  readonly count?: number | undefined;
}

export function Tabs(props: {
  tabs: readonly Tab[];
  current: string;
  onChange: (id: string) => void;
}) {
  const list = useRef<HTMLDivElement>(null);
  const step = (by: number) => {
    const at = props.tabs.findIndex(({ id }) => id === props.current);
    const next = props.tabs[(at + by + props.tabs.length) % props.tabs.length];
    if (!next) return;
    props.onChange(next.id);
    focusTab(list, next.id);
  };
  return (
    <div class="tabs" role="tablist" ref={list}>
      {props.tabs.map(({ id, label, count }) => (
        <button
          key={id}
          type="button"
          role="tab"
          data-tab={id}
          class="tab"
          aria-selected={id === props.current}
          tabIndex={id === props.current ? 0 : -1}
          onClick={() => props.onChange(id)}
          onKeyDown={(event) => {
            if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
            event.preventDefault();
            event.stopPropagation();
            step(event.key === "ArrowRight" ? 1 : -1);
          }}
        >
          {label}
          {count !== undefined && <span class="tab-count">{count.toLocaleString("en-US")}</span>}
        </button>
      ))}
    </div>
  );
}

function focusTab(list: RefObject<HTMLDivElement | null>, id: string): void {
  list.current?.querySelector<HTMLElement>(`[data-tab="${id}"]`)?.focus();
}
