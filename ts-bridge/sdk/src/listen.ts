type Listeners = Readonly<Record<string, (event: never) => void>>;

/** Listens to events of *target*, if the platform has such a thing; returns what ends that. */
export function listen(
  target: Partial<EventTarget> | undefined,
  listeners: Listeners,
  capture?: boolean,
): () => void {
  const all = (method: "addEventListener" | "removeEventListener") => {
    for (const type in listeners)
      target?.[method]?.(type, listeners[type] as unknown as EventListener, capture);
  };
  all("addEventListener");
  return () => all("removeEventListener");
}
