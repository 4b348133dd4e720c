// Signs in to a closed hub as a person does, and sends from a page that has a public key.
// Arguments: the hub's address, a wrong key, a right one, the page's address.
import { withBrowser } from "./browser.mjs";

const [hub, wrong, right, page] = process.argv.slice(2);

await withBrowser(async (context) => {
  const tab = await context.newPage();
  const asked = [];
  tab.on("request", (request) => asked.push(request.url()));
  await tab.goto(`${hub}/traces?q=kept`);
  const title = await tab.title();
  await tab.fill("#token", wrong);
  await tab.click("button");
  await tab.waitForFunction(() => document.getElementById("problem").textContent !== "");
  const problem = await tab.textContent("#problem");
  await tab.fill("#token", right);
  await Promise.all([tab.waitForEvent("load"), tab.click("button")]);
  await tab.waitForSelector("main.screen, h1");
  const status = await tab.evaluate(async () => (await fetch("/api/v1/services")).status);
  const live = await tab.evaluate(
    () =>
      new Promise((resolve) => {
        const socket = new WebSocket(`${location.origin.replace("http", "ws")}/api/v1/live`);
        socket.onmessage = ({ data }) => resolve(JSON.parse(data).k);
        socket.onclose = ({ code }) => resolve(code);
      }),
  );
  const cookies = await tab.evaluate(() => document.cookie);
  const address = tab.url();

  const shop = await context.newPage();
  const sent = [];
  shop.on("websocket", (socket) => sent.push(socket.url()));
  shop.on("request", (request) => sent.push(request.url()));
  await shop.goto(page);
  await shop.waitForFunction(() => globalThis.flushed !== undefined);
  const flushed = await shop.evaluate(() => globalThis.flushed);
  // Another page on the same machine must not use the cookie.
  const stolen = await shop.evaluate(async (url) => {
    try {
      return (await fetch(`${url}/api/v1/services`, { credentials: "include" })).status;
    } catch (error) {
      return error.name;
    }
  }, hub);
  console.log(
    JSON.stringify({ title, problem, status, live, cookies, address, flushed, stolen, urls: [...asked, ...sent] }),
  );
});
