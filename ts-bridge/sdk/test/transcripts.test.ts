import { readdirSync, readFileSync } from "node:fs";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Bridge } from "../src/bridge.js";
import { init } from "../src/index.js";
import type { BridgeSpan } from "../src/span-handle.js";
import { plainValue } from "../src/testing/plain.js";
import { type Frame, ScriptedSocket, sockets } from "./support/scripted-socket.js";

const FOLDER = new URL("../../../tests/contract/bridge/", import.meta.url);

interface Transcript {
  name: string;
  why: string;
  for: string[];
  steps: Frame[];
}

const transcripts = readdirSync(FOLDER)
  .filter((file) => file.endsWith(".json"))
  .map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), "utf8")) as Transcript)
  .filter((transcript) => transcript.for.includes("client"));

let bridge: Bridge;

beforeEach(() => {
  vi.useFakeTimers();
  sockets.length = 0;
});

afterEach(async () => {
  const stopped = bridge.stop(0);
  await vi.advanceTimersByTimeAsync(1);
  await stopped;
  vi.useRealTimers();
});

test.each(transcripts.map((transcript) => [transcript.name, transcript] as const))(
  "the client plays its part of %s",
  async (_name, transcript) => {
    vi.spyOn(console, "warn").mockImplementation(() => {});
    await new Replay(transcript).run();
  },
);

/** Plays the server's part and checks that the client plays its own. */
class Replay {
  readonly #steps: Frame[];
  readonly #seen = new Set<number>();
  readonly #open = new Map<string, BridgeSpan>();
  #socket = 0;

  constructor({ steps }: Transcript) {
    this.#steps = steps;
    const hello = steps.find((step) => step.frame?.k === "hello").frame;
    bridge = init({
      service: "shop-web",
      url: "http://hub.test",
      transport: "websocket",
      token: hello.token,
      WebSocket: ScriptedSocket,
    });
  }

  async run(): Promise<void> {
    for (const step of this.#steps) await this.#play(step);
    expect(this.#current.unread(), "the client said more than the transcript").toEqual([]);
  }

  get #current(): ScriptedSocket {
    return sockets[this.#socket - 1] as ScriptedSocket;
  }

  async #play(step: Frame): Promise<void> {
    if (step.connect) {
      // Of several attempts that nobody answered, the one that still waits.
      await this.#until(
        () => sockets.length > this.#socket && sockets.at(-1)?.closedWith === undefined,
      );
      this.#socket = sockets.length;
      this.#current.accept();
    } else if (step.from === "server") {
      this.#current.receive(step.frame);
      await vi.advanceTimersByTimeAsync(0);
    } else if (step.from === "client") {
      await this.#expect(step.frame);
    } else if (step.advance_s) {
      await vi.advanceTimersByTimeAsync(step.advance_s * 1_000);
    } else if (step.close && step.by === "server") {
      this.#current.drop(step.close);
      await vi.advanceTimersByTimeAsync(0);
    } else if (step.close) {
      const stopped = bridge.stop();
      await this.#until(() => this.#current.closedWith === step.close);
      this.#current.skip("bye");
      await stopped;
    }
  }

  async #expect(expected: Frame): Promise<void> {
    if (expected.k === "batch" && !this.#seen.has(expected.id)) this.#record(expected);
    if (expected.k === "open")
      for (const { name } of expected.spans) this.#open.set(name, bridge.startSpan(name));
    await this.#until(() => this.#current.unread().length > 0);
    const said = this.#current.read();
    expect(said.k).toBe(expected.k);
    if (expected.k === "hello") {
      expect(said).toMatchObject({
        v: 1,
        epoch: expected.epoch,
        caps: expected.caps,
        oldest: expected.oldest ?? 1,
      });
      expect(said.token).toBe(expected.token);
      expect(said.stream).toMatch(/^[0-9a-f]{32}$/);
      expect(said.resource).toEqual(expect.arrayContaining(expected.resource));
    }
    if (expected.k === "batch") expect(essence(said)).toEqual(essence(expected));
    if (expected.k === "open") expect(said.spans.map(nameOf)).toEqual(expected.spans.map(nameOf));
  }

  /** Hands the client the records of a batch that it has not sent yet. */
  #record(batch: Frame): void {
    this.#seen.add(batch.id);
    for (const { spans } of batch.spans ?? []) {
      for (const { name } of spans) (this.#open.get(name) ?? bridge.startSpan(name)).end();
    }
    for (const { logRecords } of batch.logs ?? []) {
      for (const { body } of logRecords) bridge.info(plainValue(body));
    }
    void bridge.flush(60_000);
  }

  /** Lets time pass until the client has acted by itself. */
  async #until(condition: () => boolean): Promise<void> {
    for (let waited = 0; !condition() && waited < 120_000; waited += 50) {
      await vi.advanceTimersByTimeAsync(50);
    }
    expect(condition(), "the client did not act within two minutes").toBe(true);
  }
}

const nameOf = ({ name }: Frame) => name;

function essence({ id, n, spans = [], logs = [] }: Frame) {
  return {
    id,
    n,
    spans: spans.flatMap((scope: Frame) => scope.spans.map(nameOf)),
    bodies: logs.flatMap((scope: Frame) =>
      scope.logRecords.map((log: Frame) => plainValue(log.body)),
    ),
  };
}
