/** Made-up traces that look like the demo's: a click, two services, two agents. */

import type { Attributes, Span } from "../src/api.ts";
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

const PLAN = "1. Check that all items are in stock. 2. Hand the confirmation to the writer.";

function agents(
  recorder: Recorder,
  server: Span,
  t: (millis: number) => number,
  orderId: number,
  failed: boolean,
): void {
  const work = recorder.span({
    service: "agent-planner",
    name: "process orders",
    parent: server,
    kind: "consumer",
    from: t(118),
    to: t(1606),
    attributes: { "messaging.system": "http", "messaging.destination.name": "orders" },
  });
  const planner = recorder.span({
    service: "agent-planner",
    name: "invoke_agent planner",
    parent: work,
    from: t(124),
    to: t(905),
    genai: { kind: "agent", agent: "planner", conversation: `order-${orderId}` },
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "planner" },
  });
  model(
    recorder,
    planner,
    "planner",
    t(130),
    t(512),
    "gpt-5-mini",
    182,
    41,
    [
      {
        role: "user",
        parts: [
          {
            type: "text",
            content: `Order ${orderId}: 3 items, customer c-4711. What is to be done?`,
          },
        ],
      },
    ],
    [
      {
        role: "assistant",
        parts: [
          { type: "text", content: PLAN },
          {
            type: "tool_call",
            name: "lookup_stock",
            arguments: { skus: ["20-118", "31-004", "31-009"] },
          },
        ],
        finish_reason: "tool_call",
      },
    ],
  );
  recorder.log(planner, t(518), 9, "plan made", { steps: 2, next: "lookup_stock" });
  const tool = recorder.span({
    service: "agent-planner",
    name: "execute_tool lookup_stock",
    parent: planner,
    from: t(524),
    to: t(688),
    genai: { kind: "tool", agent: "planner", tool: "lookup_stock" },
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "lookup_stock",
      "gen_ai.tool.call.arguments": '{"skus":["20-118","31-004","31-009"]}',
      "gen_ai.tool.call.result": '{"20-118":4,"31-004":17,"31-009":2}',
    },
  });
  recorder.span({
    service: "agent-planner",
    name: "GET /stock",
    parent: tool,
    kind: "client",
    from: t(532),
    to: t(681),
    attributes: {
      "http.request.method": "GET",
      "url.full": "http://warehouse:9000/stock",
      "http.response.status_code": 200,
    },
  });
  recorder.log(tool, t(684), 9, "all items in stock", { skus: 3, lowest: 2 });
  model(
    recorder,
    planner,
    "planner",
    t(696),
    t(884),
    "gpt-5-mini",
    128,
    25,
    [
      {
        role: "tool",
        parts: [
          {
            type: "tool_call_response",
            name: "lookup_stock",
            response: { "20-118": 4, "31-004": 17, "31-009": 2 },
          },
        ],
      },
    ],
    [
      {
        role: "assistant",
        parts: [{ type: "text", content: "All in stock. Writer: confirm the order." }],
        finish_reason: "stop",
      },
    ],
  );
  const handoff = recorder.span({
    service: "agent-planner",
    name: "handoff to writer",
    parent: planner,
    kind: "producer",
    from: t(890),
    to: t(901),
    genai: { kind: "handoff", agent: "planner", target: "writer" },
    attributes: { "gen_ai.transfer.target.name": "writer", "gen_ai.transfer.mode": "handoff" },
  });
  writer(recorder, work, handoff, t, orderId, failed);
}

const STACK = `Traceback (most recent call last):
  File "shop/writer.py", line 48, in send_email
    server.send_message(message)
  File "smtplib.py", line 986, in send_message
    return self.sendmail(from_addr, to_addrs, flatmsg)
  File "smtplib.py", line 880, in sendmail
    (code, resp) = self.mail(from_addr, esmtp_opts)
smtplib.SMTPServerDisconnected: Connection unexpectedly closed`;

function writer(
  recorder: Recorder,
  parent: Span,
  handoff: Span,
  t: (millis: number) => number,
  orderId: number,
  failed: boolean,
): void {
  const agent = recorder.span({
    service: "agent-writer",
    name: "invoke_agent writer",
    parent,
    from: t(918),
    to: t(1596),
    genai: { kind: "agent", agent: "writer", conversation: `order-${orderId}` },
    attributes: { "gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": "writer" },
    links: [{ span: handoff, type: "handoff" }],
    ...(failed ? { error: "send_email failed after 1 attempt" } : {}),
  });
  model(
    recorder,
    agent,
    "writer",
    t(928),
    t(1440),
    "claude-haiku-4-5",
    96,
    210,
    [
      {
        role: "system",
        parts: [{ type: "text", content: "You write short, friendly confirmations." }],
      },
      { role: "user", parts: [{ type: "text", content: `Confirm order ${orderId}.` }] },
    ],
    [
      {
        role: "assistant",
        parts: [
          {
            type: "text",
            content: `Thank you for your order ${orderId}!\n\nAll three items are in stock and leave our warehouse today.`,
          },
        ],
        finish_reason: "stop",
      },
    ],
  );
  recorder.log(agent, t(1446), 9, "confirmation written", { words: 84, language: "en" });
  const message = "Connection unexpectedly closed";
  const tool = recorder.span({
    service: "agent-writer",
    name: "execute_tool send_email",
    parent: agent,
    from: t(1452),
    to: t(1588),
    genai: { kind: "tool", agent: "writer", tool: "send_email" },
    attributes: {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": "send_email",
      "gen_ai.tool.call.arguments": '{"to":"customer c-4711","subject":"Your order"}',
      ...(failed
        ? { "error.type": "SMTPServerDisconnected" }
        : { "gen_ai.tool.call.result": '{"queued":true}' }),
    },
    ...(failed
      ? { error: message, exception: { type: "SMTPServerDisconnected", message, stack: STACK } }
      : {}),
  });
  if (failed)
    recorder.log(tool, t(1584), 17, "mail server closed the connection", {
      host: "mail:25",
      attempt: 1,
    });
  else recorder.log(tool, t(1582), 9, "mail queued", { to: "c-4711" });
}

function model(
  recorder: Recorder,
  parent: Span,
  agent: string,
  from: number,
  to: number,
  name: string,
  input: number,
  output: number,
  messagesIn: Attributes[],
  messagesOut: Attributes[],
): void {
  recorder.span({
    service: parent.service,
    name: `chat ${name}`,
    parent,
    kind: "client",
    from,
    to,
    genai: {
      kind: "llm",
      agent,
      model: name,
      provider: name.startsWith("gpt") ? "openai" : "anthropic",
      usage: { input_tokens: input, output_tokens: output },
    },
    attributes: {
      "gen_ai.operation.name": "chat",
      "gen_ai.request.model": name,
      "gen_ai.usage.input_tokens": input,
      "gen_ai.usage.output_tokens": output,
      "gen_ai.input.messages": JSON.stringify(messagesIn),
      "gen_ai.output.messages": JSON.stringify(messagesOut),
    },
  });
}

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
