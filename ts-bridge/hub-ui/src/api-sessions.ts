/** Visits and conversations: what the API gathers by the id that records name. */

import { get, type Page, type Query, type ServiceCount, type TimeNano } from "./api.ts";

export interface Session {
  session_id: string;
  /** The attribute that names it. */
  by: "session.id" | "gen_ai.conversation.id";
  start_time_unix_nano: TimeNano;
  end_time_unix_nano: TimeNano;
  duration_nano: number;
  trace_count: number;
  span_count: number;
  log_count: number;
  error_count: number;
  services: ServiceCount[];
}

export async function sessions(query: Query, signal?: AbortSignal): Promise<Page<Session>> {
  const page = await get<{ sessions: Session[]; next_cursor: string | null }>(
    "sessions",
    query,
    signal,
  );
  return { rows: page.sessions, next: page.next_cursor };
}
