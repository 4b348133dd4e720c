/** What the Agents tab of a trace and the page of a run have in common. */

import type { RunDetail, Span } from "../../api.ts";
import { count } from "../../model/attributes.ts";
import type { ServiceHues } from "../../model/service-hues.ts";
import { formatDuration, offsetNano } from "../../model/time.ts";
import { href } from "../../router.ts";
import { ServiceName, SpanIcon, Tokens } from "../../ui/labels.tsx";
import { GraphView } from "./graph-view.tsx";

interface RunPartsProps {
  run: RunDetail;
  hues: ServiceHues;
  onSpans: (spanIds: readonly string[]) => void;
}

export function RunParts(props: RunPartsProps) {
  return (
    <div class="run-parts">
      <GraphView run={props.run} hues={props.hues} onSpans={props.onSpans} />
      <AgentTable {...props} />
      <StepTable {...props} />
    </div>
  );
}

function AgentTable({ run, hues }: RunPartsProps) {
  return (
    <section class="run-section">
      <h2>Agents</h2>
      <div class="table-scroll">
        <table class="plain">
          <thead>
            <tr>
              <th>Agent</th>
              <th>Service</th>
              <th class="num">Turns</th>
              <th class="num">Model calls</th>
              <th class="num">Tool calls</th>
              <th class="num">Tokens in</th>
              <th class="num">Tokens out</th>
              <th class="num">Errors</th>
              <th>Models</th>
              <th>Tools</th>
            </tr>
          </thead>
          <tbody>
            {run.agent_details.map((agent) => (
              <tr key={agent.name}>
                <td>
                  <b>{agent.name}</b>
                </td>
                <td>
                  <ServiceName name={agent.service} hues={hues} />
                </td>
                <td class="num">{count(agent.invocations)}</td>
                <td class="num">{count(agent.llm_calls)}</td>
                <td class="num">{count(agent.tool_calls)}</td>
                <td class="num">{agent.usage ? count(agent.usage.input_tokens) : "–"}</td>
                <td class="num">{agent.usage ? count(agent.usage.output_tokens) : "–"}</td>
                <td class={agent.error_count ? "num bad" : "num faint"}>
                  {count(agent.error_count)}
                </td>
                <td class="soft">{agent.models.join(", ") || "–"}</td>
                <td class="soft">
                  {agent.tools.map((tool) => `${tool.name} ${tool.calls}×`).join(", ") || "–"}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </section>
  );
}

/** When within the run the step was. */
function StepBar({ step, run, color }: { step: Span; run: RunDetail; color: string }) {
  const start = offsetNano(step.start_time_unix_nano, run.start_time_unix_nano);
  const length = Math.max(1, run.duration_nano ?? 0, start + (step.duration_nano ?? 0));
  return (
    <span class="step-time">
      <span
        class={step.state === "open" ? "step-bar bar-open" : "step-bar"}
        style={{
          left: `${(start / length) * 100}%`,
          width: `${((step.duration_nano ?? length - start) / length) * 100}%`,
          "--bar-color": color,
        }}
      />
    </span>
  );
}

/** Steps shown at once; a run has tens, and the waterfall holds them all. */
const STEPS_SHOWN = 200;

function StepTable({ run, hues }: RunPartsProps) {
  // A framework's own machinery is no step of the work.
  const steps = run.steps.filter(({ genai }) => genai?.kind !== "infra");
  const shown = steps.slice(0, STEPS_SHOWN);
  const base = run.start_time_unix_nano;
  return (
    <section class="run-section">
      <h2>
        Steps <span class="tab-count">{count(steps.length)}</span>
      </h2>
      <ol class="steps">
        {shown.map((step) => (
          <li key={step.span_id}>
            <a class="step" href={href(`/traces/${step.trace_id}`, { at: `s${step.span_id}` })}>
              <span class="num faint">
                +{formatDuration(offsetNano(step.start_time_unix_nano, base))}
              </span>
              <span
                class="hue-icon"
                style={{
                  color: step.status === "error" ? "var(--error)" : hues.color(step.service),
                }}
              >
                <SpanIcon span={step} />
              </span>
              <span class={step.status === "error" ? "clip bad" : "clip"}>{step.name}</span>
              <StepBar
                step={step}
                run={run}
                color={step.status === "error" ? "var(--error)" : hues.color(step.service)}
              />
              <span class="soft clip">{step.genai?.agent}</span>
              <span class="num">{step.genai && <Tokens usage={step.genai.usage} />}</span>
              <span class="num">
                {step.duration_nano === null ? step.state : formatDuration(step.duration_nano)}
              </span>
            </a>
          </li>
        ))}
      </ol>
      {steps.length > shown.length && (
        <p class="faint pad">{count(steps.length - shown.length)} more in the trace's waterfall.</p>
      )}
    </section>
  );
}
