/** Messages between an agent and a model, as a conversation. */

import type { Message, MessagePart } from "../../model/messages.ts";
import { Value } from "../../ui/attribute-table.tsx";
import { Icon } from "../../ui/icons.tsx";

export function MessageList({ messages }: { messages: readonly Message[] }) {
  return (
    <ol class="messages">
      {messages.map((message, index) => (
        <li key={index} class={`message message-${message.direction}`}>
          <p class="message-role">
            <span>{message.role || "message"}</span>
            <span class="faint">
              {message.direction === "in" ? "to the model" : "from the model"}
            </span>
          </p>
          {message.parts.map((part, place) => (
            <Part key={place} part={part} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function Part({ part }: { part: MessagePart }) {
  if (part.type === "call" || part.type === "result") {
    return (
      <div class="message-tool">
        <p class="soft">
          <Icon name={part.type === "call" ? "tool" : "check"} size={13} />
          {part.type === "call" ? "calls " : "result of "}
          <span class="mono">{part.name ?? "a tool"}</span>
        </p>
        <Value value={part.text} />
      </div>
    );
  }
  return (
    <div class={`message-text message-${part.type}`}>
      <Value value={part.text} />
    </div>
  );
}
