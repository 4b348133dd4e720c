const HEX = Array.from({ length: 256 }, (_, byte) => (byte + 256).toString(16).slice(1));

/** One call of `getRandomValues` costs as much as hundreds of ids, so bytes are drawn in stock. */
const pool = new Uint8Array(2048);
let used = pool.length;

/**
 * Random lower-case hex of so many bytes: 16 for a trace or a stream, 8 for a span.
 *
 * From the cryptographic source and not from `Math.random`, which crawlers seed, so that their ids
 * collide.
 */
export function randomHex(bytes: number): string {
  if (used + bytes > pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let hex = "";
  for (const end = used + bytes; used < end; used++) hex += HEX[pool[used] as number];
  return hex;
}
