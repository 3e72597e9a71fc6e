// <my-work>: what was sent from this browser, the newest first. Only the hub's word about its state is asked.
import * as cupboard from "./cupboard.js";
import { asked, fill, moment, show } from "./page.js";
import { isAble } from "./signing.js";

class MyWork extends HTMLElement {
  async connectedCallback() {
    if (!isAble()) return show(this, "unable");
    for (const shelf of ["applications", "runs"]) await this.list(shelf);
  }

  async list(shelf) {
    const found = (await cupboard.all(shelf)).sort((one, other) => other.at.localeCompare(one.at));
    const section = this.querySelector(`[data-shelf=${shelf}]`);
    show(section, found.length ? "some" : "none");
    const rows = section.querySelector("tbody");
    for (const one of found) rows.append(this.row(section, one));
  }

  row(section, one) {
    const row = section.querySelector("template").content.cloneNode(true).firstElementChild;
    fill(row, { name: one.name || one.project || one.id, method: one.method ?? "", at: moment(one.at) });
    row.querySelector("a").href = `${section.dataset.address}/${one.id}`;
    const state = row.querySelector("[data-state]");
    if (state) this.look(one.id, state);
    return row;
  }

  async look(id, place) {
    const said = await asked(`/api/v1/applications/${id}`).catch(() => null);
    const word = this.querySelector(`template[data-word="${said?.authority.state ?? "unknown"}"]`);
    place.replaceChildren(word?.content.cloneNode(true) ?? "");
  }
}

customElements.define("my-work", MyWork);
