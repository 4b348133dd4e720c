import { rm } from "node:fs/promises";
import { resolve } from "node:path";
import preact from "@preact/preset-vite";
import { defineConfig, type Plugin } from "vite";
import { fixtureHub } from "./dev/fixture-plugin.ts";

/** Where the Python package serves it from. */
const outDir = resolve(import.meta.dirname, "../../otbridge/hub/ui/dist");

/**
 * `npm run dev` plays against fixtures; `HUB=http://127.0.0.1:4318 npm run dev` against a hub.
 * `FIXTURES=empty` has nothing in it, `FIXTURES=quiet` stands still.
 */
const hub = process.env.HUB;
const fixtures = process.env.FIXTURES ?? "";

export default defineConfig({
  plugins: [
    preact({ reactAliasesEnabled: false, devToolsEnabled: false }),
    removeOldAssets(),
    ...(hub ? [] : [fixtureHub({ empty: fixtures === "empty", quiet: fixtures === "quiet" })]),
  ],
  // The hub takes only its own page for a viewer, so the page says that it is that.
  server: hub
    ? { proxy: { "/api": { target: hub, ws: true, changeOrigin: true, headers: { origin: hub } } } }
    : {},
  build: {
    outDir,
    // The browser SDK's build puts its own file beside ours, so only ours are cleared away.
    emptyOutDir: false,
    target: "es2022",
    // Data URLs would need an exception in the page's content security policy.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
  },
});

function removeOldAssets(): Plugin {
  return {
    name: "remove-old-assets",
    apply: "build",
    buildStart: () => rm(resolve(outDir, "assets"), { recursive: true, force: true }),
  };
}
