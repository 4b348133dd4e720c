/** Why a record was let go; the words of `dropped` in the bridge protocol. */
export type DropReason =
  | "queue_full"
  | "too_big"
  | "before_send"
  | "sampled"
  | "expired"
  | "unencodable"
  | "stopped";

/** Numbers of records by reason. */
export type Counts = Record<string, number>;

/** What became of every record: `accepted = delivered + rejected + dropped + waiting`. */
export interface LedgerSnapshot {
  accepted: number;
  /** Acknowledged by the hub. */
  delivered: number;
  /** Refused by the hub for good. */
  rejected: number;
  dropped: Partial<Record<DropReason, number>>;
  waiting: number;
}

/** Adds *from* to *to*. */
export function addCounts(to: Counts, from: Readonly<Counts>): void {
  for (const reason in from) to[reason] = (to[reason] ?? 0) + (from[reason] as number);
}
