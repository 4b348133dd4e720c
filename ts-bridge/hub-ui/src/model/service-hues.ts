/**
 * Colours of services, given out in the order in which services are first seen.
 *
 * Hashing names into a palette gives two of six services the same colour more often than not;
 * handing out in order collides only when the palette is used up.
 */

/** Size of the palette `--hue-0` … in ui/tokens.css. No red is in it: red means error. */
export const HUES = 14;

export class ServiceHues {
  readonly #given = new Map<string, number>();

  /** Index into the palette; the same name gets the same index for as long as this object lives. */
  of(service: string): number {
    let hue = this.#given.get(service);
    if (hue === undefined) {
      hue = this.#given.size % HUES;
      this.#given.set(service, hue);
    }
    return hue;
  }

  /** As a CSS value. */
  color(service: string): string {
    return `var(--hue-${this.of(service)})`;
  }
}
