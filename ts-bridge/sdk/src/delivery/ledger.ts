/** Why a record was let go. The words of `dropped` in the bridge protocol. */
export type DropReason =
  | "queue_full"
  | "too_big"
  | "before_send"
  | "sampled"
  | "expired"
  | "unencodable"
  | "stopped";

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

export class Ledger {
  accepted = 0;
  delivered = 0;
  rejected = 0;
  readonly #dropped = new Map<DropReason, number>();
  /** Not yet told to the hub. */
  #untold = new Map<DropReason, number>();

  drop(reason: DropReason, records = 1): void {
    for (const counts of [this.#dropped, this.#untold]) {
      counts.set(reason, (counts.get(reason) ?? 0) + records);
    }
  }

  /** Counts since the last call, for the next batch; empty when nothing was let go. */
  takeUntold(): Record<string, number> | undefined {
    if (!this.#untold.size) return undefined;
    const counts = Object.fromEntries(this.#untold);
    this.#untold.clear();
    return counts;
  }

  /** Gives counts back that went with a batch which itself was let go. */
  restoreUntold(counts: Readonly<Record<string, number>>): void {
    for (const [reason, records] of Object.entries(counts)) {
      const key = reason as DropReason;
      this.#untold.set(key, (this.#untold.get(key) ?? 0) + records);
    }
  }

  snapshot(waiting: number): LedgerSnapshot {
    const { accepted, delivered, rejected } = this;
    return { accepted, delivered, rejected, dropped: Object.fromEntries(this.#dropped), waiting };
  }
}
