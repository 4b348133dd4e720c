/** What stands below a list's last row: more on its way, what went wrong, or that this is all. */

import { ApiError } from "../api.ts";
import type { Paged } from "../fetching.ts";
import { plural } from "../model/attributes.ts";

export function ListEnd(props: {
  page: Pick<Paged<unknown>, "error" | "hasMore" | "searching" | "retry">;
  count: number;
  /** What is listed, in the singular. */
  noun: string;
}) {
  const { page, count, noun } = props;
  if (page.error) {
    const what = page.error instanceof ApiError ? page.error.what : String(page.error);
    return (
      <p class="list-end" role="alert">
        {what}{" "}
        <button type="button" class="text-button" onClick={page.retry}>
          Try again
        </button>
      </p>
    );
  }
  const rest = page.searching ? "Still looking further back…" : "Loading more…";
  return <p class="list-end">{page.hasMore ? rest : `That is all: ${plural(count, noun)}.`}</p>;
}
