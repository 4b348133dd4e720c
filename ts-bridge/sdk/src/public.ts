/** What every entry for browsers offers besides `init`. */

export type { Bridge } from "./bridge.js";
export type { FlushResult } from "./delivery/delivery.js";
export type { DropReason, LedgerSnapshot } from "./delivery/ledger.js";
export { getBridge } from "./init.js";
export { baggage } from "./instrument/baggage.js";
export { type ClicksOptions, clicks } from "./instrument/clicks.js";
export { type ConsoleLogsOptions, consoleLogs } from "./instrument/console.js";
export { errors } from "./instrument/errors.js";
export { type FetchSpansOptions, fetchSpans } from "./instrument/fetch.js";
export { navigation } from "./instrument/navigation.js";
export type {
  AttributeMap,
  BridgeOptions,
  Instrumentation,
  OutgoingRecord,
  User,
} from "./options.js";
export type { BridgeSpan } from "./span-handle.js";
export { VERSION } from "./version.js";
