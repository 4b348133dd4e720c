/**
 * Messages between an agent and a model, read out of a span for people to read.
 *
 * The conventions are still moving and senders follow different states of them, so this takes what
 * it recognises and hands the rest on as JSON: nothing that was sent is hidden.
 */

import type { Attributes, AttributeValue, Span } from "../api.ts";
import { parseStructure, pretty } from "./attributes.ts";

export interface MessagePart {
  readonly type: "text" | "reasoning" | "call" | "result" | "other";
  /** Tool name of a call or result. */
  readonly name: string | null;
  readonly text: string;
}

export interface Message {
  readonly direction: "in" | "out";
  readonly role: string;
  readonly parts: readonly MessagePart[];
}

const SYSTEM = "gen_ai.system_instructions";
const INPUT = "gen_ai.input.messages";
const OUTPUT = "gen_ai.output.messages";

/** Attributes that {@link messagesOf} shows, so that a table need not repeat them. */
export const MESSAGE_ATTRIBUTES: ReadonlySet<string> = new Set([SYSTEM, INPUT, OUTPUT]);

export function messagesOf(span: Span): Message[] {
  const understood = fromGenAI(span.genai?.messages ?? null);
  if (understood.length > 0) return understood;
  const system = span.attributes[SYSTEM];
  const messages: Message[] = [];
  if (system !== undefined && system !== null) {
    messages.push(systemMessage(system));
  }
  messages.push(...read(span.attributes[INPUT], "in"), ...read(span.attributes[OUTPUT], "out"));
  return messages;
}

function systemMessage(instructions: AttributeValue): Message {
  return { direction: "in", role: "system", parts: list(instructions).map(readPart) };
}

/** What the hub has read out of whichever convention the span was written in. */
function fromGenAI(value: AttributeValue): Message[] {
  if (!isObject(value)) return read(value, "in");
  const system = list(value.system ?? null);
  const first = system.length > 0 ? [systemMessage(system)] : [];
  return [...first, ...read(value.input, "in"), ...read(value.output, "out")];
}

function read(value: AttributeValue | undefined, direction: "in" | "out"): Message[] {
  if (value === undefined || value === null) return [];
  return list(value).map((entry) => {
    if (!isObject(entry)) return { direction, role: "", parts: [readPart(entry)] };
    const role =
      typeof entry.role === "string" ? entry.role : direction === "out" ? "assistant" : "";
    const parts = list(entry.parts ?? entry.content ?? null).map(readPart);
    for (const call of list(entry.tool_calls ?? null)) parts.push(readToolCall(call));
    return { direction, role, parts: parts.length > 0 ? parts : [readPart(entry)] };
  });
}

function readPart(part: AttributeValue): MessagePart {
  if (typeof part === "string") return { type: "text", name: null, text: part };
  if (!isObject(part)) return { type: "other", name: null, text: pretty(part) };
  const text = part.content ?? part.text;
  switch (part.type) {
    case "text":
    case "input_text":
    case "output_text":
      return { type: "text", name: null, text: asText(text) };
    case "reasoning":
    case "thinking":
      return { type: "reasoning", name: null, text: asText(text ?? part.thinking) };
    case "tool_call":
    case "tool_use":
    case "function":
      return readToolCall(part);
    case "tool_call_response":
    case "tool_result":
      return {
        type: "result",
        name: nameOf(part),
        text: asText(part.response ?? part.result ?? text),
      };
    default:
      return { type: "other", name: null, text: pretty(part) };
  }
}

function readToolCall(call: AttributeValue): MessagePart {
  if (!isObject(call)) return { type: "other", name: null, text: pretty(call) };
  const inner = isObject(call.function) ? call.function : call;
  return { type: "call", name: nameOf(inner), text: asText(inner.arguments ?? inner.input) };
}

function nameOf(part: Attributes): string | null {
  return typeof part.name === "string" ? part.name : null;
}

function asText(value: AttributeValue | undefined): string {
  return value === undefined || value === null ? "" : pretty(value);
}

function list(value: AttributeValue): AttributeValue[] {
  const structure = typeof value === "string" ? (parseStructure(value) ?? value) : value;
  if (structure === null) return [];
  return Array.isArray(structure) ? structure : [structure];
}

function isObject(value: AttributeValue | undefined): value is Attributes {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
