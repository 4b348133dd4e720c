/** Two agents of a made-up trace: a planner, and a writer whose mail server may be down. */

import type { Attributes, Span } from "../src/api.ts";
import type { Recorder } from "./recorder.ts";

const PLAN = "1. Check that all items are in stock. 2. Hand the confirmation to the writer.";

export function agents(
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
