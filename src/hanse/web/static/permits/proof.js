// What this browser verifies by itself: a permit with its authority's key, results with those of the nodes in the permit.
// The hub says the keys; that they are the right ones follows from the ids in what was signed, which are made of keys.
import * as cupboard from "./cupboard.js";
import { asked, show } from "./page.js";
import { decoded, derivedId, identity, read, thumbprint, unsealed, utf8, verified } from "./signing.js";

const PERMIT = "hanse-permit+jws";
const RESULT = "hanse-result+jws";

const header = (token) => read(decoded(token.split(".")[0]));
const payload = (token) => decoded(token.split(".")[1]);

// The verified permit with this hash, and the keys of its nodes by their ids.
export async function permitOf(hash) {
  const [said, { authorities }] = await Promise.all([asked(`/api/v1/permits/${hash}`), asked("/api/v1/authorities")]);
  const { kid } = header(said.permit);
  const jwk = authorities.find((one) => one.kid === kid)?.jwk;
  if (!jwk) throw new Error("The hub does not list the authority.");
  const bytes = await verified(said.permit, jwk, PERMIT);
  const permit = read(bytes);
  const wanted = (await cupboard.get("applications", permit.application))?.authority ?? permit.authority.id;
  const signer = await derivedId("authority", kid);
  if ((await identity(bytes)) !== hash || signer !== permit.authority.id || signer !== wanted) {
    throw new Error("The permit is another one.");
  }
  const keys = new Map();
  for (const { node, jwk } of said.nodes) {
    if (jwk && (await derivedId("node", await thumbprint(jwk))) === node) keys.set(node, jwk);
  }
  return { permit, keys };
}

// The answer to an order, verified: { opened } is what came beside the signature, unsealed.
export async function resultOf(row, granted) {
  const order = payload(row.token);
  const asked = read(order);
  const [signed, beside = "", more] = row.result.split("~");
  if (more !== undefined) throw new Error("The result is of another form.");
  const outer = read(await verified(signed, granted.keys.get(asked.node), RESULT));
  const expected = { ...asked, order: await identity(order) };
  const names = ["order", "permit", "node", "dataset", "version"];
  if (expected.order !== row.order || names.some((name) => outer[name] !== expected[name])) {
    throw new Error("The result is of another order.");
  }
  const sealed = beside.includes(".") ? beside : outer.sealed;
  const opened = sealed ? await unsealedWith(asked.reply_key, sealed) : beside;
  if (outer.sealed) { // by an earlier node: a signed result in a signed one
    const inner = read(await verified(opened, granted.keys.get(asked.node), RESULT));
    const rest = (one) => JSON.stringify({ ...one, aggregate: null, sealed: "" });
    if (rest(inner) !== rest(outer)) throw new Error("What was sealed belongs to another result.");
  } else if (typeof outer.aggregate === "string" && (await identity(utf8(opened))) !== outer.aggregate) {
    throw new Error("What came beside the result is not what the node signed.");
  }
  return { opened };
}

async function unsealedWith(replyKey, sealed) {
  const pair = (await cupboard.get("replies", await thumbprint(replyKey)))?.pair;
  return new TextDecoder().decode(await unsealed(sealed, pair));
}

// <verified-permit hash="...">: says whether the signature counts, and whether the permit names the key of this browser.
class VerifiedPermit extends HTMLElement {
  async connectedCallback() {
    const found = await permitOf(this.getAttribute("hash")).catch(() => null);
    show(this, found ? ((await isNamed(found.permit)) ? "good" : "other") : "bad");
  }
}

async function isNamed({ scope }) {
  const key = await cupboard.key();
  const kids = await Promise.all(scope.persons.flatMap((one) => one.keys).map((one) => thumbprint(one.jwk)));
  return kids.includes(key?.kid);
}

customElements.define("verified-permit", VerifiedPermit);
