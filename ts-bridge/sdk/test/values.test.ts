import { describe, expect, test } from "vitest";
import { toNanos } from "../src/clock.js";
import { randomHex } from "../src/ids.js";
import { isSecretKey, redactText } from "../src/privacy/redact.js";
import { cleanUrl, pathTemplate } from "../src/privacy/url.js";
import { plainValue } from "../src/testing/plain.js";
import { anyValue, keyValues, toJson } from "../src/wire/values.js";

const wire = (value: unknown) => JSON.parse(toJson(anyValue(value)));
const plain = (value: unknown) => plainValue(wire(value));

describe("a value on the wire", () => {
  test.each([
    ["text", { stringValue: "text" }],
    ["", { stringValue: "" }],
    ['"\\\n\u2028', { stringValue: '"\\\n\u2028' }],
    [true, { boolValue: true }],
    [-7, { intValue: "-7" }],
    [2 ** 53, { doubleValue: 2 ** 53 }],
    [0.5, { doubleValue: 0.5 }],
    [Number.NaN, { doubleValue: "NaN" }],
    [Number.NEGATIVE_INFINITY, { doubleValue: "-Infinity" }],
    [2n ** 63n - 1n, { intValue: "9223372036854775807" }],
    [2n ** 63n, { stringValue: "9223372036854775808" }],
    [null, {}],
    [undefined, {}],
    [new Uint8Array([1, 2, 255]), { bytesValue: "AQL/" }],
    [new Date(0), { stringValue: "1970-01-01T00:00:00.000Z" }],
    [new URL("https://x/y"), { stringValue: "https://x/y" }],
    [new TypeError("bad"), { stringValue: "TypeError: bad" }],
    [[1, "a"], { arrayValue: { values: [{ intValue: "1" }, { stringValue: "a" }] } }],
    [new Set([1]), { arrayValue: { values: [{ intValue: "1" }] } }],
    [
      { a: { b: 1 } },
      {
        kvlistValue: {
          values: [
            {
              key: "a",
              value: { kvlistValue: { values: [{ key: "b", value: { intValue: "1" } }] } },
            },
          ],
        },
      },
    ],
  ])("%o is %j", (value, expected) => {
    expect(wire(value)).toEqual(expected);
  });

  test("a lone surrogate, which UTF-8 cannot hold, is replaced, and a pair is kept", () => {
    expect(plain("a\ud800b\udc00c😀 \\ud800")).toBe("a\ufffdb\ufffdc😀 \\ud800");
  });

  test("what cannot be read is said to be so", () => {
    const trap = {
      get x() {
        throw new Error("trap");
      },
    };
    expect(plain(trap)).toBe("[unreadable]");
    expect(plain({ fine: 1, trap })).toEqual({ fine: 1, trap: "[unreadable]" });
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    expect(plain(proxy)).toBe("[unreadable]");
  });

  test("a circle is cut", () => {
    const circle: Record<string, unknown> = { n: 1 };
    circle.self = circle;
    expect(plain(circle)).toEqual({ n: 1, self: "[…]" });
  });

  test("a graph that would unfold to millions of values costs no more than its budget", () => {
    const nodes = Array.from({ length: 100 }, () => ({}) as Record<string, unknown>);
    for (const node of nodes) for (const [at, other] of nodes.entries()) node[`n${at}`] = other;
    const began = performance.now();
    expect(toJson(anyValue(nodes)).length).toBeLessThan(200_000);
    expect(performance.now() - began).toBeLessThan(200);
  });

  test("long text is cut", () => {
    expect(String(plain("x".repeat(20_000)))).toHaveLength(16_385);
  });

  test("nesting is never deeper than the protocol's 32", () => {
    let deep: unknown = "bottom";
    for (let n = 0; n < 100; n++) deep = n % 2 ? [deep] : { deep };
    const depth = (value: unknown): number =>
      typeof value === "object" && value ? 1 + Math.max(0, ...Object.values(value).map(depth)) : 0;
    // A batch puts seven levels around an attribute's value.
    expect(depth(wire(deep)) + 7).toBeLessThanOrEqual(64);
  });
});

test("attributes beyond 128 are counted and left out", () => {
  const many = Object.fromEntries(Array.from({ length: 130 }, (_, n) => [`k${n}`, n]));
  const [list, dropped] = keyValues([many]);
  expect(list).toHaveLength(128);
  expect(dropped).toBe(2);
});

describe("secrets", () => {
  test.each([
    "password",
    "userPassword",
    "passwd",
    "client_secret",
    "apiKey",
    "x-api-key",
    "API_KEY",
    "access_token",
    "accessToken",
    "token",
    "http.request.header.authorization",
    "set-cookie",
    "private_key",
    "jwt",
    "csrf",
    "credentials",
    "cvv",
    "userPin",
    "SENTRY_DSN",
    "XSRFToken",
    "signing-key",
    "password2",
  ])("the key %s is one", (key) => {
    expect(isSecretKey(key)).toBe(true);
    expect(keyValues([{ [key]: "hush" }])[0][0]?.value.stringValue).toBe("[redacted]");
    expect(plain({ nested: { [key]: "hush" } })).toEqual({ nested: { [key]: "[redacted]" } });
  });

  test.each([
    "gen_ai.usage.input_tokens",
    "gen_ai.token.type",
    "token_count",
    "tokens",
    "monkey",
    "keyboard",
    "author",
    "passenger",
    "session.id",
    "accessKeyId",
    "cookie_name",
    "spin",
    "cartItems",
    "order_id",
  ])("the key %s is none", (key) => {
    expect(isSecretKey(key)).toBe(false);
  });

  const AWS = "AKIA" + "ABCDEFGHIJKLMNOP";
  test.each([
    ["key sk-" + "proj-abcdefghijklmnop1234 end", "key [redacted] end"],
    ["ghp_" + "abcdefghijklmnopqrstuvwxyz0123456789", "[redacted]"],
    [`id ${AWS}.`, "id [redacted]"],
    ["Authorization: Bearer " + "abc.def-ghi_jkl==", "Authorization: Bearer [redacted]"],
    ["Authorization: Basic " + "dXNlcjpwYXNzd29yZA==", "Authorization: Basic [redacted]"],
    ["pypi-" + "AgEIcHlwaS5vcmcCJDEyMzQ", "[redacted]"],
    ['{"secret": "two words", "n": 1}', '{"secret": [redacted], "n": 1}'],
    ["eyJhbGciOiJIUzI1NiJ9" + ".eyJzdWIiOiIxIn0.c2lnbmF0dXJl", "[redacted]"],
    ["postgres://app:hunter2@db:5432/x", "postgres://app:[redacted]@db:5432/x"],
    ["GET /cb?access_token=abc123&x=1", "GET /cb?access_token=[redacted]&x=1"],
    ["password=hunter2;user=a", "password=[redacted];user=a"],
    [
      "-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----",
      "[redacted]-----END RSA PRIVATE KEY-----",
    ],
  ])("%j leaves as %j", (text, expected) => {
    expect(redactText(text)).toBe(expected);
    expect(plain(text)).toBe(expected);
  });

  test.each([
    "task-management",
    "a=b",
    "me@example.org",
    "risk-assessment-of-the-year",
    "Asia-Pacific-Region-One",
    "basic needs: none",
    "a design: blue",
  ])("%j is left alone", (text) => {
    expect(redactText(text)).toBe(text);
  });

  test.each([
    "eyJ-",
    "://a:",
    "sk-",
    "token=",
    "-----BEGIN PRIVATE KEY-----",
    "bearer a",
    'token="',
    "=",
    "@",
  ])("16 kB of %j take no more than 50 ms", (pump) => {
    const began = performance.now();
    redactText(pump.repeat(16_384 / pump.length));
    expect(performance.now() - began).toBeLessThan(50);
  });
});

test.each([
  ["https://user:pw@x.org:8443/a/b?c=d#e", "https://x.org:8443/a/b"],
  ["data:text/plain,secret", "data:"],
])("the address %s is recorded as %s", (address, expected) => {
  expect(cleanUrl(new URL(address))).toBe(expected);
});

test.each([
  ["/", "/"],
  ["/orders/17/items", "/orders/{id}/items"],
  ["/u/0af76519-16cd-43dd-8448-eb211c80319c", "/u/{id}"],
  ["/t/0af7651916cd43dd8448eb211c80319c", "/t/{id}"],
  ["/v1/cafe", "/v1/cafe"],
])("the path %s names the operation %s", (path, expected) => {
  expect(pathTemplate(path)).toBe(expected);
});

test.each([
  [1700000000000, "1700000000000000000"],
  [1700000000000.5, "1700000000000500000"],
  [1700000000123.9998, "1700000000123999755"],
  [0, "0"],
  [0.000002, "2"],
  [-5, "0"],
])("%d ms are %s ns", (milliseconds, nanos) => {
  expect(toNanos(milliseconds)).toBe(nanos);
});

test("ids are hex, of their length, and differ", () => {
  const ids = Array.from({ length: 10_000 }, () => randomHex(8));
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{16}$/);
  expect(new Set(ids).size).toBe(ids.length);
  expect(randomHex(16)).toMatch(/^[0-9a-f]{32}$/);
});
