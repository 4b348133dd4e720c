/**
 * Serves the fixture hub from Vite's development server, with a story playing every few seconds.
 *
 * Traces to open: `e…` has failed, `a…` never ends, `f…` has ten thousand spans.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Plugin } from "vite";
import type { LiveItem } from "../src/api.ts";
import { fromMillis } from "../src/model/time.ts";
import { FixtureHub, NotFound } from "./fixture-hub.ts";
import { accept, type Viewer } from "./fixture-socket.ts";
import { Ids } from "./ids.ts";
import type { Recorder } from "./recorder.ts";
import { orderStory } from "./stories.ts";
import { hugeStory, smallStory } from "./traffic-stories.ts";

const FLUSH_MS = 100;

export function fixtureHub(options: { empty: boolean; quiet: boolean }): Plugin {
  const hub = new FixtureHub();
  const ids = new Ids(7);
  const viewers = new Set<Viewer>();
  let pending: LiveItem[] = [];

  const tell = (item: LiveItem) => {
    hub.take(item);
    pending.push(item);
  };
  const flush = () => {
    if (pending.length === 0) return;
    const text = JSON.stringify({ k: "batch", items: pending, skipped: 0 });
    pending = [];
    for (const viewer of viewers) viewer.send(text);
  };
  const play = (story: Recorder, until = Number.POSITIVE_INFINITY) => {
    for (const { at, item } of story.inOrder()) {
      if (at <= until) setTimeout(tell, at, item).unref();
    }
  };

  return {
    name: "fixture-hub",
    apply: "serve",
    configureServer(server) {
      if (!options.empty) fill(hub, ids);
      const timers = [setInterval(flush, FLUSH_MS)];
      if (!options.empty && !options.quiet) {
        timers.push(
          setInterval(() => play(smallStory(ids, Date.now())), 700),
          setInterval(() => {
            const ending = ids.random() < 0.15 ? "mail server down" : "well";
            play(orderStory(ids, Date.now(), ending, 1.5 + ids.random()));
            hub.trim(400);
          }, 5000),
        );
      }
      server.httpServer?.on("close", () => timers.forEach(clearInterval));
      server.middlewares.use("/api/v1/", (request, response) => answer(hub, request, response));
      server.httpServer?.on("upgrade", (request, socket) => {
        if (request.url !== "/api/v1/live") return;
        const viewer = accept(request, socket, () => viewers.delete(viewer));
        viewers.add(viewer);
        const time_unix_nano = fromMillis(Date.now());
        viewer.send(JSON.stringify({ k: "hello", version: "0.1.0-fixture", time_unix_nano }));
      });
    },
  };
}

function fill(hub: FixtureHub, ids: Ids): void {
  const now = Date.now();
  const tellAll = (story: Recorder, until = Number.POSITIVE_INFINITY) => {
    for (const { at, item } of story.inOrder()) if (at <= until) hub.take(item);
  };
  tellAll(hugeStory(ids, now - 3_600_000, 10_000));
  for (let index = 60; index > 0; index -= 1) {
    const start = now - index * 41_000 - ids.random() * 20_000;
    if (index % 6 === 0) {
      tellAll(
        orderStory(ids, start, index % 18 === 0 ? "mail server down" : "well", 0.7 + ids.random()),
      );
    } else tellAll(smallStory(ids, start));
  }
  tellAll(orderStory(ids, now - 95_000, "mail server down", 1, "e".repeat(32)));
  tellAll(orderStory(ids, now - 48_000, "well", 1, "d".repeat(32)));
  tellAll(orderStory(ids, now - 1300, "well", 1, "a".repeat(32)), 1250);
}

function answer(hub: FixtureHub, request: IncomingMessage, response: ServerResponse): void {
  const url = new URL(request.url ?? "/", "http://fixture");
  response.setHeader("content-type", "application/json");
  try {
    response.end(JSON.stringify(hub.answer(url.pathname.replace(/^\/+/, ""), url.searchParams)));
  } catch (error) {
    if (!(error instanceof NotFound)) throw error;
    response.statusCode = 404;
    response.end(
      JSON.stringify({
        error: {
          code: "unknown_trace",
          what: "There is no trace with this id.",
          why: "The hub has not received a span or log record of it, or it has been removed by age.",
          do: "Check the id, or look for the trace in the list of traces.",
        },
      }),
    );
  }
}
