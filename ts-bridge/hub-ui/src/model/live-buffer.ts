/** What the Live screen holds: the newest rows up to a limit, and what waits while it is paused. */

import type { LiveItem } from "../api.ts";

export interface LiveRow {
  /** Counts up; the key of the row. */
  readonly serial: number;
  readonly item: LiveItem;
  /** Whether it was there before this page listened. */
  readonly earlier: boolean;
}

export class LiveBuffer {
  readonly #limit: number;
  #rows: LiveRow[] = [];
  #waiting: LiveItem[] = [];
  #serial = 0;
  /** Items that came while paused, also those that no longer fit. */
  waitingCount = 0;
  /** Rows let go because newer ones needed their place. */
  forgotten = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get rows(): readonly LiveRow[] {
    return this.#rows;
  }

  append(items: readonly LiveItem[], earlier = false): void {
    const added = items.map((item) => ({ serial: this.#serial++, item, earlier }));
    const all = this.#rows.concat(added);
    this.forgotten += Math.max(0, all.length - this.#limit);
    this.#rows = all.slice(-this.#limit);
  }

  /** Keep for later: the rows on screen stand still. */
  hold(items: readonly LiveItem[]): void {
    this.waitingCount += items.length;
    this.#waiting = this.#waiting.concat(items).slice(-this.#limit);
  }

  resume(): void {
    this.forgotten += this.waitingCount - this.#waiting.length;
    this.append(this.#waiting);
    this.#waiting = [];
    this.waitingCount = 0;
  }

  clear(): void {
    this.#rows = [];
    this.#waiting = [];
    this.waitingCount = 0;
    this.forgotten = 0;
  }
}
