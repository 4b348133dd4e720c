/** Times and durations as people read them. Nanoseconds in, text out. */

import type { TimeNano } from "../api.ts";

const MICRO = 1e3;
const MILLI = 1e6;
const SECOND = 1e9;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** Nanoseconds from `base` to `time`; exact up to 104 days, where a number's 53 bits end. */
export function offsetNano(time: TimeNano, base: TimeNano): number {
  return Number(BigInt(time) - BigInt(base));
}

/** Unix milliseconds, with the fraction that a double has room for. */
export function toMillis(time: TimeNano): number {
  return Number(BigInt(time) / 1000n) / 1000;
}

export function fromMillis(millis: number): TimeNano {
  return String(BigInt(Math.round(millis * 1000)) * 1000n);
}

/** Order of two times; negative where `a` is earlier. */
export function compareTime(a: TimeNano, b: TimeNano): number {
  // Digits of equal length compare as text; only odd senders need the slow way.
  if (a.length === b.length) return a < b ? -1 : a > b ? 1 : 0;
  return a.length - b.length;
}

/** `812 ns`, `12.4 µs`, `3.21 ms`, `812 ms`, `1.24 s`, `2 m 05 s`, `1 h 02 m`: three digits. */
export function formatDuration(nanos: number): string {
  if (nanos < 0) return `−${formatDuration(-nanos)}`;
  // The limits are half a last digit low, so that 999.6 µs becomes 1.00 ms and not 1000 µs.
  if (nanos < 999.5) return `${Math.round(nanos)} ns`;
  if (nanos < 999.5 * MICRO) return `${threeDigits(nanos / MICRO)} µs`;
  if (nanos < 999.5 * MILLI) return `${threeDigits(nanos / MILLI)} ms`;
  if (nanos < 59.95 * SECOND) return `${threeDigits(nanos / SECOND)} s`;
  if (nanos < HOUR - SECOND / 2) {
    const seconds = Math.round(nanos / SECOND);
    return `${Math.floor(seconds / 60)} m ${two(seconds % 60)} s`;
  }
  const minutes = Math.round(nanos / MINUTE);
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

function threeDigits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

/** A tick of an axis in the unit of the axis' step: `0`, `250 ms`, `1.5 s`. */
export function formatTick(nanos: number, step: number): string {
  if (nanos === 0) return "0";
  const [unit, name] = tickUnit(Math.abs(nanos));
  // One more digit than the step's power of ten, because steps of 2.5 have it.
  const power = Math.floor(Math.log10(step / unit) + 1e-9);
  const decimals = Math.max(0, Math.min(9, 1 - power));
  return `${trimZeros((nanos / unit).toFixed(decimals))} ${name}`;
}

function tickUnit(nanos: number): [number, string] {
  if (nanos >= SECOND) return [SECOND, "s"];
  if (nanos >= MILLI) return [MILLI, "ms"];
  return nanos >= MICRO ? [MICRO, "µs"] : [1, "ns"];
}

function trimZeros(text: string): string {
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** `11:05:03.123` in the viewer's time zone. */
export function formatClock(time: TimeNano): string {
  const date = new Date(toMillis(time));
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}.${three(date.getMilliseconds())}`;
}

const MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(" ");

/** The clock time, with the day before it where it is not the day of `now` (milliseconds). */
export function formatStart(time: TimeNano, now: number): string {
  const date = new Date(toMillis(time));
  const today = new Date(now);
  const clock = formatClock(time);
  if (date.toDateString() === today.toDateString()) return clock;
  return `${date.getDate()} ${MONTHS[date.getMonth()]} ${clock.slice(0, 8)}`;
}

/** Day, clock and zone in full, for tooltips and the detail panel. */
export function formatFull(time: TimeNano): string {
  const date = new Date(toMillis(time));
  const nanos = time.slice(-9);
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const clock = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${clock}.${nanos.slice(0, 3)} ${nanos.slice(3, 6)} ${nanos.slice(6)}`;
}

/** `just now`, `12 s ago`, `5 min ago`, `3 h ago`, `2 d ago`. Both in milliseconds. */
export function formatAgo(then: number, now: number): string {
  const seconds = Math.max(0, Math.round((now - then) / 1000));
  if (seconds < 2) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86400)} d ago`;
}

/** Round steps of 1, 2, 2.5 or 5 times a power of ten, so that about `count` fit in `span`. */
export function niceStep(span: number, count: number): number {
  const rough = span / Math.max(1, count);
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = rough / power;
  const nice = factor <= 1 ? 1 : factor <= 2 ? 2 : factor <= 2.5 ? 2.5 : factor <= 5 ? 5 : 10;
  return nice * power;
}

/** Positions of an axis' ticks within [from, to]. */
export function ticks(from: number, to: number, count: number): { at: number[]; step: number } {
  if (!(to > from)) return { at: [], step: 1 };
  const step = niceStep(to - from, count);
  const at: number[] = [];
  for (let tick = Math.ceil(from / step); tick * step <= to; tick += 1) at.push(tick * step);
  return { at, step };
}

const EXTENT_STEPS = [1, 1.25, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10];

/**
 * The axis' length for something that has lasted `nanos` and still grows: the next round value.
 * With it bars grow within a standing axis, instead of everything shrinking at every moment.
 */
export function growingExtent(nanos: number): number {
  const value = Math.max(nanos, MILLI);
  const power = 10 ** Math.floor(Math.log10(value));
  // A little air, so that the head of a running bar never touches the edge.
  const factor = (value * 1.02) / power;
  return (EXTENT_STEPS.find((step) => step >= factor) ?? 12.5) * power;
}

const DURATION = /^(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h)?$/;

/** Whether the API would take this as a duration: `250ms`, `1.5s`, `2m`, a bare number. */
export function isDuration(text: string): boolean {
  return DURATION.test(text.trim());
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

function three(value: number): string {
  return String(value).padStart(3, "0");
}
