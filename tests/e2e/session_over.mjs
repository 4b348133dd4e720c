// Signs in, has the session end in three ways while a screen is open, and signs in again each time.
// Arguments: the hub's address, a key that reads.
import { artifact, withBrowser } from "./browser.mjs";

const [hub, key] = process.argv.slice(2);
const place = `${hub}/logs?q=kept&severity=warn`;

await withBrowser(async (context) => {
  const tab = await context.newPage();
  const signIn = async () => {
    await tab.waitForSelector("#token");
    const title = await tab.title();
    await tab.fill("#token", key);
    await Promise.all([tab.waitForEvent("load"), tab.click("button")]);
    await tab.waitForSelector(".facets");
    return { title, address: tab.url() };
  };
  // A page that has just been sent to sign in is not sent again within ten seconds; people take
  // longer to find their key.
  const later = () => tab.evaluate(() => sessionStorage.clear());

  await tab.goto(place);
  await tab.waitForSelector("#token");
  await tab.screenshot({ path: artifact("sign-in.png") });
  const seen = [await signIn()];

  // The hub ends it, as it does after twelve hours: the live feed hears of it first.
  await tab.evaluate(() =>
    fetch("/api/v1/session", { method: "DELETE", headers: { "content-type": "application/json" } }),
  );
  seen.push(await signIn());

  // The cookie is gone without the hub's knowing: the next question is refused.
  await later();
  await context.clearCookies();
  await tab.fill(".search-input", "kept later");
  seen.push(await signIn());

  // Signing out by hand.
  await later();
  await tab.click('button[aria-label="Sign out"]');
  seen.push(await signIn());

  // Who reads may save a link.
  await tab.click('button[aria-label="Copy a link to this screen"]');
  await tab.waitForSelector('.toast[data-shown="true"]');
  const said = await tab.textContent(".toast");
  console.log(JSON.stringify({ seen, said }));
}, { permissions: ["clipboard-read", "clipboard-write"] });
