// <browser-key>: the key of this browser, or the way to one. A form around it sends the public half along.
import * as cupboard from "./cupboard.js";
import { fill, moment, show } from "./page.js";
import { fingerprint, isAble, newReplyKey, newSigningKey, publicJwk, thumbprint } from "./signing.js";

class BrowserKey extends HTMLElement {
  async connectedCallback() {
    if (!isAble()) return show(this, "unable");
    this.querySelector("[data-act=make]")?.addEventListener("click", () => this.make());
    this.querySelector("[data-act=remove]")?.addEventListener("click", () => this.remove_());
    await this.look();
  }

  async look() {
    const key = await cupboard.key();
    show(this, key ? "some" : "none");
    if (!key) return;
    fill(this, { fingerprint: fingerprint(key.kid), kid: key.kid, made: moment(key.made) });
    const input = this.querySelector("input[name=jwk]");
    if (input) input.value = JSON.stringify(key.jwk);
  }

  async make() {
    const pair = await newSigningKey();
    const jwk = await publicJwk(pair);
    await cupboard.put("keys", { id: "working", kid: await thumbprint(jwk), jwk, pair, made: new Date().toISOString() });
    await navigator.storage?.persist?.(); // else a browser may throw it away when its disk is full
    await this.look();
    this.querySelector("[data-when=some]").focus();
  }

  async remove_() {
    await cupboard.remove("keys", "working");
    await this.look();
  }
}

// <reply-key>: an input that holds a fresh key, to which the answers of one run are sealed.
class ReplyKey extends HTMLElement {
  async connectedCallback() {
    const input = this.querySelector("input");
    if (!isAble() || input.value) return;
    const pair = await newReplyKey();
    const jwk = await publicJwk(pair);
    await cupboard.put("replies", { id: await thumbprint(jwk), pair });
    input.value = JSON.stringify(jwk);
  }
}

customElements.define("browser-key", BrowserKey);
customElements.define("reply-key", ReplyKey);
