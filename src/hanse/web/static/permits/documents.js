// <signed-documents shelf="...">: documents that the server made of a form and put into words. What is signed are exactly
// their bytes: they are shown, must have the hash that the words have, and must name the key of this browser.
import * as cupboard from "./cupboard.js";
import { complain, sent, show } from "./page.js";
import { decoded, identity, isAble, read, sign, thumbprint } from "./signing.js";

const KINDS = {
  applications: {
    typ: "hanse-application+jws",
    address: "/api/v1/applications",
    names: async (said, key) => {
      const keys = said.scope.persons.flatMap((one) => one.keys);
      const kids = await Promise.all(keys.map((one) => thumbprint(one.jwk)));
      return keys.some((one, place) => one.page && kids[place] === key.kid);
    },
    body: ([token]) => ({ token }),
    id: (answer) => answer.application,
    about: ([said], tokens) => ({ project: said.project, authority: said.authority, at: said.at, token: tokens[0] }),
  },
  runs: {
    typ: "hanse-order+jws",
    address: "/api/v1/orders",
    names: async () => true, // which keys count, the permit says
    body: (tokens) => ({ orders: tokens.map((order) => ({ order })) }),
    id: (answer) => answer.run,
    about: (said, tokens) => ({ permit: said[0].permit, method: said[0].method || said[0].operation, at: said[0].issued, tokens }),
  },
};

class SignedDocuments extends HTMLElement {
  async connectedCallback() {
    this.kind = KINDS[this.getAttribute("shelf")];
    if (!isAble()) return show(this, "unable");
    const key = await cupboard.key();
    show(this, key ? "some" : "none");
    for (const place of this.querySelectorAll("data")) {
      const text = JSON.stringify(read(decoded(place.value)), null, 1);
      this.querySelector(`[data-bytes="${place.dataset.hash}"]`).textContent = text;
    }
    const button = this.querySelector("[data-act=sign]");
    button.addEventListener("click", async () => {
      button.disabled = true;
      complain(this, "");
      try {
        await this.send(key);
      } catch (error) {
        complain(this, error.message);
        button.disabled = false;
      }
    });
  }

  // The bytes of each document, which must be what the page says they are.
  async documents(key) {
    const found = [...this.querySelectorAll("data")].map((one) => ({ bytes: decoded(one.value), hash: one.dataset.hash }));
    for (const { bytes, hash } of found) {
      if ((await identity(bytes)) !== hash || !(await this.kind.names(read(bytes), key))) {
        throw new Error(this.dataset.other);
      }
    }
    return found.map((one) => one.bytes);
  }

  async send(key) {
    const documents = await this.documents(key);
    const tokens = await Promise.all(documents.map((bytes) => sign(key, bytes, this.kind.typ)));
    const id = this.kind.id(await sent(this.kind.address, this.kind.body(tokens)));
    const about = this.kind.about(documents.map(read), tokens);
    await cupboard.put(this.getAttribute("shelf"), { id, name: this.dataset.name, ...about });
    location.assign(`${this.getAttribute("next")}/${id}`);
  }
}

customElements.define("signed-documents", SignedDocuments);
