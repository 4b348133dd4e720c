// Copies a link to a screen as a person does, and opens it as another one.
// Arguments: the hub's address.
import { artifact, withBrowser } from "./browser.mjs";

const [hub] = process.argv.slice(2);

await withBrowser(
  async (context, problems) => {
    const tab = await context.newPage();
    await tab.goto(`${hub}/traces?q=${encodeURIComponent('user.name="Ada & Co"')}`);
    await tab.click('button[aria-label="Copy a link to this screen"]');
    await tab.waitForSelector('.toast[data-shown="true"]');
    const said = await tab.textContent(".toast");
    await tab.screenshot({ path: artifact("copy-link.png") });
    const copied = await tab.evaluate(() => navigator.clipboard.readText());
    const other = await context.newPage();
    await other.goto(copied);
    await other.waitForSelector("main");
    console.log(JSON.stringify({ said, copied, address: other.url(), problems }));
  },
  { permissions: ["clipboard-read", "clipboard-write"] },
);
