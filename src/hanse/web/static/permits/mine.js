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
    if (row.querySelector("[data-state]")) this.look(one.id, row);
    return row;
  }

  // What became of an application; a question in the address of this page goes along to its permit.
  async look(id, row) {
    const said = await asked(`/api/v1/applications/${id}`).catch(() => null);
    const word = this.querySelector(`template[data-word="${said?.authority.state ?? "unknown"}"]`);
    row.querySelector("[data-state]").replaceChildren(word?.content.cloneNode(true) ?? "");
    const link = row.querySelector("[data-permit]");
    link.hidden = !said?.permit_hash;
    link.href = `${link.dataset.permit}/${said?.permit_hash}${location.search}`;
  }
}

customElements.define("my-work", MyWork);
