/**
 * The file that a page loads from a hub: the whole SDK in one module.
 *
 * With a `<script type="module" src="…/otbridge.js" data-service="shop-web">` it starts everything by
 * itself and sends to where it came from. Imported by other code it only offers the API.
 */

import type { Bridge } from "./bridge.js";
import { baggage, clicks, consoleLogs, errors, fetchSpans, init, navigation } from "./index.js";
import type { BridgeOptions } from "./options.js";

export * from "./index.js";

/** The bridge that the script tag started, if it was a script tag. */
export const bridge: Bridge | undefined = startFromTag(import.meta.url);

function startFromTag(address: string): Bridge | undefined {
  const scripts = globalThis.document?.querySelectorAll<HTMLScriptElement>("script[data-service]");
  const tag = [...(scripts ?? [])].find(({ src }) => src === address);
  if (!tag) return undefined;
  const { service, url, version, environment, token, transport, propagateTo } = tag.dataset;
  return init({
    service: service as string,
    url: url ?? new URL(".", address).href,
    version,
    environment,
    token,
    transport: transport as BridgeOptions["transport"],
    instrument: [
      errors(),
      consoleLogs(),
      navigation(),
      clicks(),
      baggage(),
      fetchSpans({ propagateTo: propagateTo?.split(/[\s,]+/).filter(Boolean) ?? [] }),
    ],
  });
}
