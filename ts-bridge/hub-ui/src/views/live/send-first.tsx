/** What to type when nothing has arrived yet. */

import { useState } from "preact/hooks";
import { CopyButton, Tabs } from "../../ui/controls.tsx";

type Way = "python" | "browser" | "otlp" | "agents";

const WAYS: readonly { id: Way; label: string }[] = [
  { id: "python", label: "Python" },
  { id: "browser", label: "Browser" },
  { id: "agents", label: "Agents" },
  { id: "otlp", label: "Any OpenTelemetry SDK" },
];

/** The port that SDKs look at by themselves. */
const DEFAULT_PORT = "4318";

export function SendFirst({ what, first = "python" }: { what: string; first?: Way }) {
  const [way, setWay] = useState<Way>(first);
  const steps = stepsOf(way, location.origin, location.port === DEFAULT_PORT);
  return (
    <div class="first">
      <div class="first-head">
        <span class="first-pulse" aria-hidden="true" />
        <h1>Listening. No {what} has arrived yet.</h1>
      </div>
      <p class="soft">
        Send something to <code>{location.origin}</code> and it appears here within a second. For a
        trace with everything in it, run <code>otbridge demo</code>.
      </p>
      <div class="first-tabs">
        <Tabs tabs={WAYS} current={way} onChange={(id) => setWay(id as Way)} />
      </div>
      {steps.map(({ title, code }) => (
        <section key={title} class="first-step">
          <h2>{title}</h2>
          <div class="first-code">
            <pre>{code}</pre>
            <CopyButton label={`Copy: ${title}`} words="Copy" text={() => code} />
          </div>
        </section>
      ))}
    </div>
  );
}

interface Step {
  readonly title: string;
  readonly code: string;
}

function stepsOf(way: Way, origin: string, isDefault: boolean): Step[] {
  const run = isDefault
    ? "python first.py"
    : `OTEL_EXPORTER_OTLP_ENDPOINT=${origin} python first.py`;
  switch (way) {
    case "python":
      return [
        {
          title: "first.py",
          code: `import otbridge

otbridge.configure(service="my-service")
log = otbridge.get_logger(__name__)

with otbridge.span("first steps"):
    log.info("hello from python", answer=42)`,
        },
        { title: "Run it", code: `pip install otbridge\n${run}` },
      ];
    case "browser":
      return [
        {
          title: "One line in your page: clicks, requests, errors and console are traced",
          code: `<script type="module" src="${origin}/otbridge.js" data-service="my-page"></script>`,
        },
        {
          title: "Or in a bundle (npm install otbridge)",
          code: `import { init, clicks, errors, consoleLogs, fetchSpans } from "otbridge";

const bridge = init({
  service: "my-page",
  url: "${origin}",
  instrument: [clicks(), errors(), consoleLogs(), fetchSpans()],
});
bridge.info("hello from the browser", { answer: 42 });`,
        },
      ];
    case "agents":
      return [
        {
          title: "first.py",
          code: `import otbridge
from otbridge import agents

otbridge.configure(service="my-agents")

with agents.run("first run"):
    with agents.agent("planner"):
        with agents.tool("look around"):
            otbridge.get_logger().info("found it", answer=42)
        with agents.handoff("writer"):
            pass`,
        },
        { title: "Run it", code: run },
      ];
    case "otlp":
      return [
        {
          title: "Environment variables that every OpenTelemetry SDK understands",
          code: `export OTEL_EXPORTER_OTLP_ENDPOINT=${origin}
export OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf
export OTEL_SERVICE_NAME=my-service`,
        },
      ];
  }
}
