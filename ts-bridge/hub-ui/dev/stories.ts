/** Made-up traces that look like the demo's: a click, two services, two agents. */

import type { Span } from "../src/api.ts";
import { agents } from "./agent-story.ts";
import type { Ids } from "./ids.ts";
import { Recorder } from "./recorder.ts";

export type Ending = "well" | "mail server down";

/** Milliseconds are stretched by `pace`, so that stories differ in length. */
export function orderStory(
  ids: Ids,
  start: number,
  ending: Ending,
  pace = 1,
  traceId?: string,
): Recorder {
  const recorder = new Recorder(ids, start, traceId);
  const orderId = Math.floor(ids.random() * 9000) + 1000;
  const t = (millis: number) => millis * pace;
  const failed = ending !== "well";
  const click = recorder.span({
    service: "shop-web",
    name: "click Order",
    from: 0,
    to: t(1642),
    attributes: {
      "otbridge.origin": "browser",
      "app.screen.name": "/",
      "browser.element": "button#order",
      "session.id": ids.hex(12),
    },
  });
  const request = recorder.span({
    service: "shop-web",
    name: "POST /api/orders",
    parent: click,
    kind: "client",
    from: t(5),
    to: t(1634),
    attributes: {
      "http.request.method": "POST",
      "url.full": "http://localhost:8080/api/orders",
      "http.response.status_code": failed ? 502 : 200,
      "otbridge.origin": "browser",
    },
    ...(failed ? { error: "HTTP 502" } : {}),
  });
  recorder.log(click, t(3), 9, "cart submitted", { items: 3, total: 59.7 });
  const server = recorder.span({
    service: "shop-api",
    name: "POST /api/orders",
    parent: request,
    kind: "server",
    from: t(11),
    to: t(1627),
    attributes: {
      "http.request.method": "POST",
      "http.route": "/api/orders",
      "http.response.status_code": failed ? 502 : 200,
      "server.address": "localhost",
      "server.port": 8080,
      "user_agent.original":
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Chrome/156.0 Safari/537.36",
    },
    ...(failed ? { error: "the agents could not finish the order" } : {}),
  });
  recorder.log(server, t(13), 9, "order received", {
    order_id: orderId,
    items: 3,
    customer: "c-4711",
  });
  quote(recorder, server, t);
  agents(recorder, server, t, orderId, failed);
  if (failed) {
    recorder.log(server, t(1615), 17, "order failed", {
      order_id: orderId,
      "exception.type": "AgentError",
      "exception.message": "writer: send_email failed after 1 attempt",
    });
    recorder.log(click, t(1640), 17, "could not place the order: HTTP 502", { screen: "/" });
  } else {
    recorder.log(server, t(1618), 9, "order placed", { order_id: orderId, seconds: 1.6 });
  }
  return recorder;
}

function quote(recorder: Recorder, server: Span, t: (millis: number) => number): void {
  const call = recorder.span({
    service: "shop-api",
    name: "POST /quote",
    parent: server,
    kind: "client",
    from: t(18),
    to: t(104),
    attributes: {
      "http.request.method": "POST",
      "url.full": "http://pricing:8081/quote",
      "http.response.status_code": 200,
    },
  });
  const priced = recorder.span({
    service: "shop-pricing",
    name: "POST /quote",
    parent: call,
    kind: "server",
    from: t(24),
    to: t(98),
    attributes: { "http.route": "/quote", "http.response.status_code": 200 },
  });
  recorder.log(priced, t(26), 5, "price cache looked up", { hits: 2, misses: 1 });
  recorder.span({
    service: "shop-pricing",
    name: "SELECT prices",
    parent: priced,
    kind: "client",
    from: t(31),
    to: t(72),
    attributes: {
      "db.system.name": "postgresql",
      "db.query.text": "SELECT sku, cents FROM prices WHERE sku = ANY($1) AND valid_from <= now()",
      "db.response.returned_rows": 3,
    },
  });
  recorder.log(priced, t(78), 13, "price of sku 20-118 is older than a day", {
    sku: "20-118",
    age_h: 31,
  });
  recorder.log(priced, t(94), 9, "quote ready", { total: 59.7, currency: "EUR" });
}
