/** That a list is of one session: which, where else it is to be seen, and a way out of it. */

import { adjust, href, param } from "../../router.ts";
import { Icon } from "../../ui/icons.tsx";
import "./sessions.css";

export function SessionChip({ screen }: { screen: "/traces" | "/logs" }) {
  const session = param("session");
  if (session === "") return null;
  const [other, words] = screen === "/traces" ? ["/logs", "its logs"] : ["/traces", "its traces"];
  return (
    <span class="session-chip">
      <Icon name="sessions" size={14} />
      <span class="clip" title={`Session ${session}`}>
        {session}
      </span>
      <a href={href(other, { session })}>{words}</a>
      <button
        type="button"
        class="search-clear"
        aria-label="All sessions"
        onClick={() => adjust({ session: null })}
      >
        <Icon name="close" size={12} />
      </button>
    </span>
  );
}
