/** How often something happens, and how often it fails, as people say it. */

/** `3.2/s`, `14/min`, `2/h`: in the unit in which it is at least one, for amounts in `seconds`. */
export function formatRate(amount: number, seconds: number): string {
  if (amount === 0 || seconds <= 0) return "0";
  const perSecond = amount / seconds;
  if (perSecond >= 1) return `${digits(perSecond)}/s`;
  if (perSecond * 60 >= 1) return `${digits(perSecond * 60)}/min`;
  return `${digits(perSecond * 3600)}/h`;
}

function digits(value: number): string {
  if (value >= 9950) return `${Math.round(value / 1000)}k`;
  if (value >= 995) return `${(value / 1000).toFixed(1)}k`;
  return value >= 9.95 ? String(Math.round(value)) : trimmed(value.toFixed(1));
}

function trimmed(text: string): string {
  return text.replace(/\.0$/, "");
}

/** `12 %`, `0.3 %`, `< 0.1 %`: a share that is not nothing never reads as nothing. */
export function formatShare(part: number, whole: number): string {
  if (part === 0 || whole === 0) return "0 %";
  const percent = (part / whole) * 100;
  if (percent < 0.1) return "< 0.1 %";
  if (percent >= 9.95) return `${part < whole ? Math.min(99, Math.round(percent)) : 100} %`;
  return `${trimmed(percent.toFixed(1))} %`;
}
