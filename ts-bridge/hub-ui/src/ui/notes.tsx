/** What the page says when there is nothing to show, or when something did not work. */

import type { ComponentChildren } from "preact";
import { ApiError } from "../api.ts";
import { Button } from "./controls.tsx";
import { Icon } from "./icons.tsx";

/** An answer that will be the same next time is not worth asking for again. */
function isWorthRetrying({ status }: ApiError): boolean {
  return status < 400 || status >= 500 || status === 429;
}

/** A text in which commands stand between backticks, as the hub writes them. */
function Words({ text }: { text: string }) {
  return (
    <>
      {text.split("`").map((part, index) => (index % 2 ? <code key={index}>{part}</code> : part))}
    </>
  );
}

export function ErrorNote(props: {
  error: unknown;
  onRetry?: () => void;
  children?: ComponentChildren;
}) {
  const { error, onRetry } = props;
  const told =
    error instanceof ApiError
      ? error
      : new ApiError(0, "page", "This page made a mistake.", String(error), "Reload the page.");
  return (
    <div class="note note-error" role="alert">
      <Icon name="error" size={20} />
      <div class="note-text">
        <h2>{told.what}</h2>
        <p class="soft">
          <Words text={told.why} />
        </p>
        <p>
          <Words text={told.todo} />
        </p>
        {props.children}
        {onRetry && isWorthRetrying(told) && (
          <p>
            <Button onClick={onRetry}>Try again</Button>
          </p>
        )}
      </div>
    </div>
  );
}

export function Nothing({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="note">
      <div class="note-text">
        <h2>{title}</h2>
        {children}
      </div>
    </div>
  );
}

/** A search over much takes the hub several goes; until one of them finds something, this. */
export function StillLooking() {
  return (
    <Nothing title="Still looking…">
      <p class="soft">Nothing found in the newest records yet. The hub goes on further back.</p>
    </Nothing>
  );
}

/** Announced to everyone when it appears, screen readers included. */
export function Banner(props: { kind: "pause" | "lost"; children: ComponentChildren }) {
  return (
    <div class={`banner banner-${props.kind}`} role="status" aria-live="polite">
      {props.children}
    </div>
  );
}

/** A thin line at the top while something is fetched; it waits before it shows. */
export function Loading({ on }: { on: boolean }) {
  return on ? <div class="loading" role="progressbar" aria-label="Loading" /> : null;
}
