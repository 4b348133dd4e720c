import { listen } from "../listen.js";
import type { Instrumentation } from "../options.js";
import { pageUrl } from "../privacy/url.js";
import { beginInteraction } from "./interaction.js";

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

/** Elements whose text is a caption, and no content that may be private. */
const CAPTIONED = "button,a,summary,label,[role=button]";
/** The value of these is a caption; that of any other field is what somebody typed. */
const BUTTON_FIELD = "[type=submit],[type=button],[type=reset]";
const MAX_CAPTION = 40;

/**
 * Makes each click the beginning of a trace.
 *
 * Its span is named after what was clicked: `data-otbridge-name`, the accessible label, or the
 * caption of a button or link. The value of a field is never read.
 */
export function clicks({ window: quiet = 300, ignore }: ClicksOptions = {}): Instrumentation {
  return (bridge) => {
    let busy = false;
    const click = ({ target }: Event) => {
      // A click on a label is followed at once by the browser's own click on its field.
      if (busy || !(target instanceof Element) || (ignore && target.closest(ignore))) return;
      busy = true;
      setTimeout(() => {
        busy = false;
      });
      const element = target.closest(`[data-otbridge-name],${CAPTIONED},input,select`) ?? target;
      beginInteraction(bridge, `click ${caption(element)}`, quiet, {
        "browser.tag_name": element.localName,
        "browser.css_selector": selector(element),
        "browser.document.url.full": pageUrl(),
      });
    };
    return listen(globalThis.document, { click }, true);
  };
}

function caption(element: Element): string {
  const text =
    element.getAttribute("data-otbridge-name") ||
    element.getAttribute("aria-label") ||
    (element.matches(CAPTIONED) && element.textContent?.trim()) ||
    (element.matches(BUTTON_FIELD) && element.getAttribute("value")) ||
    element.getAttribute("title") ||
    selector(element);
  const line = text.replace(/\s+/g, " ").trim();
  return line.length > MAX_CAPTION ? `${line.slice(0, MAX_CAPTION)}…` : line;
}

/** Enough to find it again: its own id, or its class below the next id. */
function selector({ id, localName, classList, parentElement }: Element): string {
  if (id) return `${localName}#${id}`;
  const around = parentElement?.closest("[id]");
  return `${around ? `#${around.id} ` : ""}${localName}${classList[0] ? `.${classList[0]}` : ""}`;
}
