// <run-view run="...">: what became of a run, as it happens. The hub shows it to whoever signs a visit with a key of the
// permit; every signature of a node is verified here.
import * as cupboard from "./cupboard.js";
import { complain, show } from "./page.js";
import { permitOf, resultOf } from "./proof.js";
import { encoded, isAble, sign } from "./signing.js";

const VISIT = "hanse-visit+jws";
const ATTESTATION = "hanse-attestation+jws";
const AGAIN_MS = 3000;
const SOON_MS = 150; // many nodes answer at once

let ahead = 0; // milliseconds that the hub's clock is ahead of this one

class RunView extends HTMLElement {
  async connectedCallback() {
    this.id_ = this.getAttribute("run");
    this.rows = new Map();
    this.verdicts = new Map();
    if (!isAble()) return show(this, "unable");
    this.key = await cupboard.key();
    if (!this.key) return show(this, "none");
    show(this, "some");
    this.addEventListener("submit", (event) => this.download(event));
    this.addEventListener("click", (event) => event.target.closest("[data-act=take]") && this.takeAlong());
    this.follow();
  }

  async visit() {
    const at = new Date(Date.now() + ahead).toISOString();
    const said = { at, jwk: this.key.jwk, run: this.id_ };
    return sign(this.key, new TextEncoder().encode(JSON.stringify(said)), VISIT);
  }

  // The word of this browser's key for the numbers in the crate with this hash; it allows nothing.
  async attestation(crate) {
    const { permit } = payloadOf(this.rows.values().next().value);
    const said = { at: new Date(Date.now() + ahead).toISOString(), crate, permit };
    return sign(this.key, new TextEncoder().encode(JSON.stringify(said)), ATTESTATION);
  }

  // A request that carries a visit; once more with the hub's time when that of this machine was the reason to say no.
  async ask(address, how = {}, again = true) {
    const headers = { ...how.headers, Authorization: `Hanse ${await this.visit()}` };
    const response = await fetch(address, { ...how, headers });
    if (response.status !== 401 || !again) return response;
    ahead = Date.parse(response.headers.get("Date")) - Date.now();
    return this.ask(address, how, false);
  }

  // Events until nothing waits any more; a connection that breaks is made again.
  async follow() {
    try {
      const response = await this.ask(`/api/v1/runs/${this.id_}`, { headers: { Accept: "text/event-stream" } });
      if (response.status < 500 && !response.ok) return this.refresh(); // which says why
      for await (const { name, data } of events(response.body)) {
        if (name === "order") this.note(data);
        if (name === "done") return this.refresh();
      }
    } catch {
      if (!this.isConnected) return;
    }
    setTimeout(() => this.isConnected && this.follow(), AGAIN_MS);
  }

  note(row) {
    this.rows.set(row.order, row);
    clearTimeout(this.soon);
    this.soon = setTimeout(() => this.refresh(), SOON_MS);
  }

  // The server writes the grid and the result anew.
  async refresh() {
    clearTimeout(this.soon);
    const response = await this.ask(this.dataset.address, { method: "POST" });
    const arrived = document.createElement("template");
    arrived.innerHTML = await response.text();
    const fresh = arrived.content.querySelector("[data-fresh]");
    if (!fresh) {
      show(this, "closed");
      const why = response.status === 403 && arrived.content.querySelector("main .lead"); // of a key that it names
      return complain(this, why ? why.textContent : this.dataset.closed);
    }
    show(this, "some");
    complain(this, "");
    const open = new Set([...this.querySelectorAll("details[open][id]")].map((one) => one.id));
    for (const one of fresh.querySelectorAll("details[id]")) one.open ||= open.has(one.id);
    this.querySelector("[data-fresh]").replaceWith(fresh);
    this.querySelector("h1").textContent = fresh.dataset.title;
    await this.verify();
  }

  async verify() {
    const carried = [...this.rows.values()].filter((row) => row.result && !this.verdicts.has(row.order));
    if (carried.length) this.granted ??= await permitOf(payloadOf(carried[0]).permit);
    for (const row of carried) {
      const found = await resultOf(row, this.granted).catch(() => null);
      this.verdicts.set(row.order, found);
    }
    for (const [order, found] of this.verdicts) {
      const place = this.querySelector(`[data-verdict="${order}"]`);
      const word = this.querySelector(`template[data-word=${found ? "good" : "bad"}]`);
      place?.replaceChildren(word.content.cloneNode(true));
    }
  }

  // The opened answers, for software that merges: `hanse runs merge`.
  takeAlong() {
    const rows = [...this.rows.values()].map((row) => ({ ...row, opened: this.verdicts.get(row.order)?.opened }));
    const { permit } = payloadOf(rows[0]);
    const file = new Blob([JSON.stringify({ run: this.id_, permit, rows })], { type: "application/json" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(file);
    link.download = `${this.id_}.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  // Files come by a form that carries a visit.
  async download(event) {
    const { target: form, submitter } = event;
    if (form.elements.visit.value) return; // it was filled in just now
    event.preventDefault();
    form.elements.visit.value = await this.visit();
    const { crate } = form.dataset;
    form.elements.attestation.value = crate && submitter.dataset.act === "attest" ? await this.attestation(crate) : "";
    setTimeout(() => { // a form is not sent again while its first try is being told
      form.requestSubmit(submitter);
      form.elements.visit.value = "";
    });
  }
}

function payloadOf(row) {
  return JSON.parse(atob(row.token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/")));
}

// Server-sent events (WHATWG HTML, 9.2) of a response; an EventSource could not send who asks.
async function* events(body) {
  let text = "";
  for await (const part of parts(body)) {
    text += part;
    const messages = text.split("\n\n");
    text = messages.pop();
    for (const message of messages) {
      const lines = message.split("\n").filter((line) => !line.startsWith(":"));
      const field = (name) => lines.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
      if (field("data")) yield { name: field("event"), data: JSON.parse(field("data")) };
    }
  }
}

async function* parts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
}

customElements.define("run-view", RunView);
