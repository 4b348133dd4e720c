/** How many records arrived in each of the last seconds. */
export class Rates {
  readonly #counts: number[];
  #second = 0;

  constructor(seconds: number) {
    this.#counts = new Array<number>(seconds).fill(0);
  }

  add(amount: number, nowMillis: number): void {
    this.#advance(nowMillis);
    this.#counts[this.#counts.length - 1] = (this.#counts.at(-1) ?? 0) + amount;
  }

  /** Records per second, oldest first; the last one is the second that is not over yet. */
  series(nowMillis: number): readonly number[] {
    this.#advance(nowMillis);
    return [...this.#counts];
  }

  /** Mean of the last `seconds` that are over. */
  perSecond(nowMillis: number, seconds = 3): number {
    const over = this.series(nowMillis).slice(-1 - seconds, -1);
    return over.reduce((sum, value) => sum + value, 0) / Math.max(1, over.length);
  }

  #advance(nowMillis: number): void {
    const second = Math.floor(nowMillis / 1000);
    const passed = Math.min(second - this.#second, this.#counts.length);
    for (let step = 0; step < passed; step += 1) {
      this.#counts.shift();
      this.#counts.push(0);
    }
    if (second > this.#second) this.#second = second;
  }
}
