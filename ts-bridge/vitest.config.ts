import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests see the SDK's sources: nothing has to be built first.
  resolve: { conditions: ["otbridge-source", "import", "module", "default"] },
  test: {
    include: ["sdk/**/*.test.ts", "hub-ui/**/*.test.ts"],
    // A browser on a busy machine takes its time; what waits for it ends as soon as it is there.
    expect: { poll: { timeout: 10_000 } },
  },
});
