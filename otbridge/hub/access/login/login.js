// Exchanges the key that is typed for a cookie, and shows the page that was asked for.

const form = document.getElementById("sign-in");
const field = document.getElementById("token");
const problem = document.getElementById("problem");

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  try {
    const answer = await fetch("/api/v1/session", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: field.value }),
    });
    if (answer.ok) {
      location.reload();
      return;
    }
    const { error } = await answer.json();
    problem.replaceChildren(...inWords(`${error.what} ${error.do}`));
  } catch {
    problem.textContent = "The hub does not answer.";
  }
  field.select();
});

/** Text nodes, and what stands between backticks as code. */
function inWords(text) {
  return text.split("`").map((part, index) => {
    if (index % 2 === 0) return part;
    const code = document.createElement("code");
    code.textContent = part;
    return code;
  });
}
