// Sends log records to a hub and measures when each is on its Live screen.
// node live_latency.mjs HUB_URL COUNT -> {milliseconds: [...], problems}
import { withBrowser } from "./browser.mjs";

const [hubUrl, count] = process.argv.slice(2);

const result = await withBrowser(async (context, problems) => {
  const page = context.pages()[0] ?? (await context.newPage());
  const connected = page.waitForEvent("websocket");
  await page.goto(hubUrl, { waitUntil: "networkidle" });
  await connected;
  const milliseconds = [];
  for (let number = 0; number < Number(count); number++) {
    const words = `on screen ${number}`;
    // Watched from inside the page, so that the measuring itself takes no time.
    const shown = page.evaluate(
      (text) =>
        new Promise((resolve) => {
          const look = () =>
            document.body.innerText.includes(text) ? resolve(Date.now()) : requestAnimationFrame(look);
          look();
        }),
      words,
    );
    const sent = Date.now();
    await send(words);
    milliseconds.push((await shown) - sent);
  }
  return { milliseconds, problems };
});
console.log(JSON.stringify(result));

async function send(words) {
  const record = {
    timeUnixNano: `${Date.now()}000000`,
    severityNumber: 9,
    severityText: "INFO",
    body: { stringValue: words },
  };
  const service = { key: "service.name", value: { stringValue: "latency" } };
  const answer = await fetch(`${hubUrl}/v1/logs`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({
      resourceLogs: [{ resource: { attributes: [service] }, scopeLogs: [{ logRecords: [record] }] }],
    }),
  });
  if (!answer.ok) throw new Error(await answer.text());
}
