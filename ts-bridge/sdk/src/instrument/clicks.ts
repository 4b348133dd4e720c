import type { Instrumentation } from "../options.js";
import { cleanUrl, parseUrl } from "../privacy/url.js";
import { Interaction } from "./interaction.js";

export interface ClicksOptions {
  /**
   * How long after a click, or after the last thing it caused, something that begins without a
   * parent still belongs to it. Milliseconds.
   * @default 300
   */
  window?: number;
  /** Clicks on elements that match this selector, or within them, are not recorded. */
  ignore?: string;
}

const ACTIONABLE = "[data-otbridge-name],button,a,[role=button],input,select,summary,label,option";
/** Elements whose text is a caption, and no content that may be private. */
const CAPTIONED = /^(?:button|a|summary|label)$/;
const MAX_CAPTION = 40;
const MAX_DEPTH = 4;

/**
 * Makes each click the beginning of a trace.
 *
 * Its span is named after what was clicked: `data-otbridge-name`, the accessible label, or the
 * caption of a button or link. The value of a field is never read.
 */
export function clicks({ window: quiet = 300, ignore }: ClicksOptions = {}): Instrumentation {
  return (bridge) => {
    const { document } = globalThis;
    if (!document) return () => {};
    let busy = false;
    const onClick = (event: Event) => {
      const target = event.target;
      // A click on a label is followed at once by the browser's own click on its field.
      if (busy || !(target instanceof Element) || (ignore && target.closest(ignore))) return;
      busy = true;
      setTimeout(() => {
        busy = false;
      });
      const element = target.closest(ACTIONABLE) ?? target;
      new Interaction(bridge, {
        name: `click ${caption(element)}`,
        quiet,
        attributes: {
          "browser.tag_name": element.localName,
          "browser.css_selector": selector(element),
          "browser.document.url.full": pageUrl(),
        },
      });
    };
    document.addEventListener("click", onClick, { capture: true, passive: true });
    return () => document.removeEventListener("click", onClick, { capture: true });
  };
}

/** The page's own address without query and fragment. */
export function pageUrl(): string | undefined {
  const url = globalThis.location && parseUrl(location.href);
  return url && cleanUrl(url);
}

function caption(element: Element): string {
  const given = element.getAttribute("data-otbridge-name") ?? element.getAttribute("aria-label");
  const text = given || captionText(element) || element.getAttribute("title") || simpleSelector(element);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_CAPTION ? `${line.slice(0, MAX_CAPTION)}…` : line;
}

function captionText(element: Element): string {
  const isButton = element.getAttribute("role") === "button";
  if (isButton || CAPTIONED.test(element.localName)) return (element.textContent ?? "").trim();
  // The value of a button is its caption; the value of any other field is what somebody typed.
  const type = element.localName === "input" ? element.getAttribute("type") : "";
  return (/^(?:submit|button|reset)$/.test(type ?? "") && element.getAttribute("value")) || "";
}

function simpleSelector(element: Element): string {
  const { id, localName, classList } = element;
  return localName + (id ? `#${id}` : classList.length ? `.${classList[0]}` : "");
}

/** Enough to find it again: up to the next id, at most four steps. */
function selector(element: Element): string {
  const steps: string[] = [];
  for (let at: Element | null = element; at && steps.length < MAX_DEPTH; at = at.parentElement) {
    steps.unshift(simpleSelector(at));
    if (at.id) break;
  }
  return steps.join(" > ");
}
