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

// The answer to an order, verified: { token }, where sealed ones are opened.
export async function resultOf(row, granted) {
  const order = payload(row.token);
  const asked = read(order);
  const [signed, disclosure] = row.result.split("~");
  const outer = read(await verified(signed, granted.keys.get(asked.node), RESULT));
  const expected = { ...asked, order: await identity(order) };
  const names = ["order", "permit", "node", "dataset", "version"];
  if (expected.order !== row.order || names.some((name) => outer[name] !== expected[name])) {
    throw new Error("The result is of another order.");
  }
  if (!outer.sealed) {
    if (typeof outer.aggregate === "string" && (await identity(utf8(disclosure ?? ""))) !== outer.aggregate) {
      throw new Error("What came beside the result is not what the node signed.");
    }
    return { token: row.result };
  }
  const pair = (await cupboard.get("replies", await thumbprint(asked.reply_key)))?.pair;
  const token = new TextDecoder().decode(await unsealed(outer.sealed, pair));
  const inner = read(await verified(token, granted.keys.get(asked.node), RESULT));
  const rest = (one) => JSON.stringify({ ...one, aggregate: null, sealed: "" });
  if (rest(inner) !== rest(outer)) throw new Error("What was sealed belongs to another result.");
  return { token };
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
