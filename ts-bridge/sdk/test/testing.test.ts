import { expect, test } from "vitest";
import { init } from "../src/index.js";
import { memoryHub } from "../src/testing/index.js";

test("the hub in memory shows spans and logs as plain values, without any network", async () => {
  const hub = memoryHub();
  const bridge = init({
    service: "shop",
    url: hub.url,
    WebSocket: hub.WebSocket,
    transport: "websocket",
  });
  await bridge.span("order", { items: [1, "two"], nested: { yes: true } }, async (s) => {
    s.otel.addEvent("packed", { boxes: 2 });
    bridge.warn("slow", { ms: 0.5 });
  });
  await bridge.flush();
  await bridge.stop();
  expect(hub.resource["service.name"]).toBe("shop");
  expect(hub.spans).toMatchObject([
    {
      name: "order",
      failed: false,
      attributes: { items: [1, "two"], nested: { yes: true } },
      events: [{ name: "packed", attributes: { boxes: 2 } }],
    },
  ]);
  expect(hub.logs).toMatchObject([
    { body: "slow", severity: 13, attributes: { ms: 0.5 }, spanId: hub.spans[0]?.spanId },
  ]);
});
