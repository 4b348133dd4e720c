/** Made-up traces of everyday traffic, and one that is far too large. */

import type { Span } from "../src/api.ts";
import type { Ids } from "./ids.ts";
import { Recorder } from "./recorder.ts";

/** Small traces of everyday traffic. */
export function smallStory(ids: Ids, start: number): Recorder {
  const recorder = new Recorder(ids, start);
  const [service, name] = ids.pick([
    ["shop-api", "GET /api/products"],
    ["shop-api", "GET /api/cart"],
    ["shop-pricing", "refresh price cache"],
    ["shop-pricing", "GET /healthz"],
  ] as const);
  const length = 4 + ids.random() ** 3 * 180;
  const root = recorder.span({
    service,
    name,
    kind: name.startsWith("GET") ? "server" : "internal",
    from: 0,
    to: length,
    attributes: { "http.response.status_code": 200 },
  });
  recorder.span({
    service,
    name: "SELECT products",
    parent: root,
    kind: "client",
    from: length * 0.2,
    to: length * 0.8,
    attributes: { "db.system.name": "postgresql" },
  });
  recorder.log(root, length * 0.9, ids.random() < 0.12 ? 13 : 9, `${name} answered`, {
    ms: Math.round(length),
    rows: Math.floor(ids.random() * 40),
  });
  return recorder;
}

/** A trace of `size` spans in a deep and wide tree, for looking at how the page bears it. */
export function hugeStory(ids: Ids, start: number, size: number): Recorder {
  const recorder = new Recorder(ids, start, "f".repeat(32));
  const services = ["gateway", "catalog", "search", "ranking", "stock", "mail", "cache", "auth"];
  const total = 42_000;
  const open: { span: Span; from: number; to: number; depth: number }[] = [];
  const root = recorder.span({ service: "gateway", name: "nightly import", from: 0, to: total });
  open.push({ span: root, from: 0, to: total, depth: 0 });
  for (let made = 1; made < size; made += 1) {
    // Mostly under recent spans, and not too deep: long branches, as a batch job makes them.
    const recent = open.slice(-300).filter(({ depth }) => depth < 9);
    const under = ids.random() < 0.06 ? open[0] : (ids.pick(recent) ?? open[0]);
    if (under === undefined) continue;
    const length = under.to - under.from;
    const from = under.from + ids.random() * length * 0.8;
    const to = from + Math.max(length * 0.02, ids.random() * (under.to - from));
    const service = ids.pick(services);
    const error = ids.random() < 0.004 ? "timed out" : undefined;
    const span = recorder.span({
      service,
      name: `${ids.pick(["read", "write", "rank", "merge", "send", "check"])} ${ids.pick(["items", "batch", "page", "rows"])} ${made}`,
      parent: under.span,
      from,
      to,
      attributes: { batch: made % 97, rows: Math.floor(ids.random() * 500) },
      ...(error ? { error } : {}),
    });
    open.push({ span, from, to, depth: under.depth + 1 });
    if (made % 5 === 0)
      recorder.log(span, (from + to) / 2, error ? 17 : 9, `batch ${made} done`, {
        rows: made % 211,
      });
  }
  return recorder;
}
