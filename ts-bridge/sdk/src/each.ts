/** What calls each of *steps*, those that are there when it is called. */
export function each(steps: Iterable<() => void>): () => void {
  return () => {
    for (const step of steps) step();
  };
}
