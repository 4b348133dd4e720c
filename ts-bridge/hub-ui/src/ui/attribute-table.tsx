/** Attributes as a table of names and values, long ones folded until asked for. */

import { Fragment } from "preact";
import { useState } from "preact/hooks";
import type { Attributes, AttributeValue } from "../api.ts";
import { pretty } from "../model/attributes.ts";
import { CopyButton } from "./controls.tsx";

/** Values longer than this many characters or lines open on demand. */
const FOLD_CHARACTERS = 400;
const FOLD_LINES = 8;

export function AttributeTable(props: { attributes: Attributes; without?: ReadonlySet<string> }) {
  const entries = Object.entries(props.attributes)
    .filter(([key]) => !props.without?.has(key))
    .sort(([a], [b]) => (a < b ? -1 : 1));
  if (entries.length === 0) return <p class="faint pad">None.</p>;
  return (
    <dl class="attributes">
      {entries.map(([key, value]) => (
        <div class="attribute" key={key}>
          <dt class="mono">{breakable(key)}</dt>
          <dd>
            <Value value={value} />
            <CopyButton label={`Copy ${key}`} text={() => pretty(value)} />
          </dd>
        </div>
      ))}
    </dl>
  );
}

/** A name that may be broken after its dots, rather than in the middle of a word. */
function breakable(name: string) {
  return name.split(/(?<=[._/])/).map((part, index) => (
    <Fragment key={index}>
      {part}
      <wbr />
    </Fragment>
  ));
}

export function Value({ value }: { value: AttributeValue }) {
  const [open, setOpen] = useState(false);
  const text = pretty(value);
  const isLong =
    text.length > FOLD_CHARACTERS || text.split("\n", FOLD_LINES + 1).length > FOLD_LINES;
  const kind = value === null ? "null" : typeof value;
  return (
    <div class="value">
      <pre class={`value-text value-${kind} ${isLong && !open ? "value-folded" : ""}`}>{text}</pre>
      {isLong && (
        <button type="button" class="text-button" onClick={() => setOpen(!open)}>
          {open ? "Show less" : `Show all ${text.length.toLocaleString("en-US")} characters`}
        </button>
      )}
    </div>
  );
}
