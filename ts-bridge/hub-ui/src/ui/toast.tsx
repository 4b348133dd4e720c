/** A word at the bottom of the page that something was done, where nothing else shows it. */

import { signal } from "@preact/signals";
import { copyText } from "./controls.tsx";

const SHOWN_MS = 1600;
const words = signal("");
let timer = 0;

export function say(text: string): void {
  words.value = text;
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    words.value = "";
  }, SHOWN_MS);
}

/** Copy because of a key: no button is there to say that it worked. */
export async function copyAndSay(text: string, what: string): Promise<void> {
  say((await copyText(text)) ? `${what} copied` : "The browser did not allow copying");
}

export function Toast() {
  return (
    <div class="toast" role="status" aria-live="polite" data-shown={words.value !== ""}>
      {words.value}
    </div>
  );
}
