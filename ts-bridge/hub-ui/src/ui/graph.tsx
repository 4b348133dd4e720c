/** What pictures of graphs share. */

/** The head of every arrow, to be drawn once in a picture. */
export function ArrowHead() {
  return (
    <defs>
      <marker
        id="arrow"
        viewBox="0 0 8 8"
        refX="7"
        refY="4"
        markerWidth="8"
        markerHeight="8"
        orient="auto-start-reverse"
      >
        <path d="M1 1 7 4 1 7" class="graph-arrow" />
      </marker>
    </defs>
  );
}
