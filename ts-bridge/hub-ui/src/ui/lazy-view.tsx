/** Screens whose code is fetched apart from the first load. */

import { signal } from "@preact/signals";
import type { ComponentType } from "preact";
import { ErrorNote, Loading } from "./notes.tsx";

const waiting: (() => void)[] = [];

/** The screen, fetched when it is first shown; shows that it is on its way until then. */
export function lazyView<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
): ComponentType<Props> {
  const view = signal<ComponentType<Props> | null>(null);
  const failure = signal<unknown>(null);
  let begun = false;
  const begin = () => {
    if (begun) return;
    begun = true;
    load().then(
      (loaded) => {
        view.value = loaded;
      },
      (error: unknown) => {
        // The hub is gone, or a newer one has other files: a reload finds them.
        failure.value = error;
        begun = false;
      },
    );
  };
  waiting.push(begin);
  return (props: Props) => {
    const View = view.value;
    if (View) return <View {...props} />;
    if (failure.value) return <ErrorNote error={failure.value} onRetry={() => location.reload()} />;
    begin();
    return <Loading on />;
  };
}

/** Fetch the screens nobody has asked for yet, so that going there takes no time. */
export function fetchViewsWhenIdle(): void {
  const fetchAll = () => waiting.forEach((begin) => void begin());
  if ("requestIdleCallback" in window) requestIdleCallback(fetchAll, { timeout: 4000 });
  else setTimeout(fetchAll, 1500);
}
