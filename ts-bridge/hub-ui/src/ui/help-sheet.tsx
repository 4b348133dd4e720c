/** Every key that means something now. */

import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { commandGroups, commandsChanged } from "../keys.ts";
import { IconButton } from "./controls.tsx";

export const helpOpen = signal(false);

const KEY_TEXT: Record<string, string> = {
  ArrowDown: "↓",
  ArrowUp: "↑",
  ArrowLeft: "←",
  ArrowRight: "→",
  Escape: "Esc",
  " ": "Space",
};

export function HelpSheet() {
  const dialog = useRef<HTMLDialogElement>(null);
  const open = helpOpen.value;
  useEffect(() => {
    if (open) dialog.current?.showModal();
    else dialog.current?.close();
  }, [open]);
  commandsChanged.value;
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: the key is Escape, and the browser's own
    <dialog
      ref={dialog}
      class="help"
      aria-label="Keyboard commands"
      onClose={() => {
        helpOpen.value = false;
      }}
      onClick={(event) => {
        // A click on the dialog itself is one on the backdrop: its content covers all of it.
        if (event.target === dialog.current) helpOpen.value = false;
      }}
    >
      <div class="help-sheet">
        <header class="help-head">
          <h1>Keyboard</h1>
          <IconButton
            icon="close"
            label="Close"
            onClick={() => {
              helpOpen.value = false;
            }}
          />
        </header>
        <div class="help-groups">
          {commandGroups()
            .reverse()
            .map((group) => (
              <section key={group.title}>
                <h2>{group.title}</h2>
                <dl>
                  {group.commands
                    .filter((command) => !command.quiet)
                    .map((command) => (
                      <div class="help-line" key={command.label}>
                        <dt>
                          {command.keys.map((keys) => (
                            <span key={keys} class="help-keys">
                              {(keys === " " ? [keys] : keys.split(" ")).map((key) => (
                                <kbd key={key}>{KEY_TEXT[key] ?? key}</kbd>
                              ))}
                            </span>
                          ))}
                        </dt>
                        <dd>{command.label}</dd>
                      </div>
                    ))}
                </dl>
              </section>
            ))}
        </div>
      </div>
    </dialog>
  );
}
