// What the elements of these pages share: the server writes all words, scripts choose among them and fill places.

// Shows the parts for this state, and hides those for others.
export function show(element, state) {
  for (const part of element.querySelectorAll("[data-when]")) part.hidden = !part.dataset.when.split(" ").includes(state);
}

export function fill(element, texts) {
  for (const [name, text] of Object.entries(texts)) {
    for (const place of element.querySelectorAll(`[data-fill="${name}"]`)) place.textContent = text;
  }
}

export function complain(element, text) {
  const place = element.querySelector("[data-problem]");
  place.querySelector("[data-fill]").textContent = text;
  place.hidden = !text;
}

export const moment = (text) =>
  new Date(text).toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "short" });

// What a server answered, or an error that says what its problem (RFC 9457) says.
export async function answered(response) {
  if (response.ok) return response.json();
  const problem = await response.json().catch(() => ({}));
  throw new Error([problem.detail ?? problem.title ?? response.statusText, problem.hint].filter(Boolean).join(" "));
}

export const asked = async (address) => answered(await fetch(address, { headers: { Accept: "application/json" } }));

export const sent = async (address, body) =>
  answered(
    await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) }),
  );

// Choosing a field shows its values at once: the form is sent, and comes back with them.
document.addEventListener("change", (event) => {
  if (!event.target.matches?.("select[data-look]")) return;
  event.target.form.requestSubmit(event.target.form.querySelector("[value=look]"));
});
