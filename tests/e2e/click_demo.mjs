// Clicks the demo page's button and watches the trace grow in the hub's own page.
// node click_demo.mjs PAGE_URL BUTTON_ID SCREENSHOT -> {traceId, windowOpenedMs, firstSpanMs, lastRow, problems}
import { artifact, withBrowser } from "./browser.mjs";

const [pageUrl, buttonId, screenshot, lastRow] = process.argv.slice(2);

const result = await withBrowser(async (context, problems) => {
  const page = context.pages()[0] ?? (await context.newPage());
  await page.goto(pageUrl, { waitUntil: "networkidle" });
  const opening = context.waitForEvent("page");
  await page.click(`#${buttonId}`);
  const clicked = Date.now();
  const trace = await opening;
  const traceId = new URL(trace.url()).pathname.split("/").at(-1);
  await trace.getByText("POST /api/gift").first().waitFor({ timeout: 10_000 });
  const firstSpanMs = Date.now() - clicked;
  await trace.getByText(lastRow).first().waitFor({ timeout: 20_000 });
  await page.locator("#card").waitFor();
  await trace.waitForTimeout(1500); // the last batch of the page itself: its click ends when the page is quiet
  await trace.screenshot({ path: artifact(screenshot) });
  return { traceId, firstSpanMs, card: await page.locator("#card").innerText(), problems };
});
console.log(JSON.stringify(result));
