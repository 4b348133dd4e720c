// The demo's page: an ordinary page that loads the browser SDK from the hub.
const hub = document.querySelector("script[data-hub]").dataset.hub;
const { init, errors, consoleLogs, fetchSpans, navigation, clicks } = await import(`${hub}/otbridge.js`);

const bridge = init({
  service: "gift-page",
  url: hub,
  instrument: [errors(), consoleLogs(), fetchSpans(), navigation(), clicks()],
});

const byId = (id) => document.getElementById(id);
byId("hub").href = `${hub}/`;

byId("find").addEventListener("click", () => ask("something that lasts"));
byId("fail").addEventListener("click", () => ask("something impossible"));

async function ask(wish) {
  const buttons = document.querySelectorAll("button");
  showTrace(bridge.inject({}).traceparent);
  for (const button of buttons) button.disabled = true;
  try {
    bridge.info("gift wanted", { wish });
    const answer = await fetch("/api/gift", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ name: "Ada", wish }),
    });
    const body = await answer.json();
    if (answer.ok) showCard(`A ${body.gift}, ${body.price} €`, body.card);
    else showCard("No gift this time", body.detail);
  } catch (error) {
    console.error("the shop does not answer", error);
    showCard("The shop does not answer", "Is the demo still running?");
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

function showTrace(traceparent) {
  const traceId = traceparent?.split("-")[1];
  if (!traceId) return;
  const line = byId("trace");
  line.hidden = false;
  line.querySelector("a").href = `${hub}/traces/${traceId}`;
  line.querySelector("code").textContent = traceId;
  // The same window every time: the second click must not open a second one.
  window.open(`${hub}/traces/${traceId}`, "otbridge-trace");
}

function showCard(title, text) {
  const heading = Object.assign(document.createElement("h2"), { textContent: title });
  const words = Object.assign(document.createElement("p"), { textContent: text });
  byId("card").replaceChildren(heading, words);
  byId("card").hidden = false;
}
