// Signing, verifying and unsealing with WebCrypto, as lib/jws.py and lib/seal.py do: ES256 and nothing else, a header of
// alg, kid and typ, a document known by the SHA-256 of its bytes; ECDH-ES+A256KW with A256GCM for sealed answers.

const ALGORITHM = "ES256";
const SEALING = { alg: "ECDH-ES+A256KW", enc: "A256GCM" };
const CURVE = "P-256";
const SIGNATURE = { name: "ECDSA", hash: "SHA-256" };
const CROCKFORD = "0123456789abcdefghjkmnpqrstvwxyz";

export const utf8 = (text) => new TextEncoder().encode(text);
const hex = (bytes) => Array.from(bytes, (one) => one.toString(16).padStart(2, "0")).join("");
const sha256 = async (bytes) => new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));

function joined(...parts) {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}

// Base64url without padding (RFC 7515, 2).
export function encoded(bytes) {
  let text = "";
  for (const one of bytes) text += String.fromCharCode(one);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

export function decoded(text) {
  return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (one) => one.charCodeAt(0));
}

// What the page needs is there only over https and on this very machine.
export const isAble = () => Boolean(globalThis.crypto?.subtle && globalThis.indexedDB);

// Keys that never leave the browser: it signs and derives with them, and gives them to nobody.
export const newSigningKey = () =>
  crypto.subtle.generateKey({ name: "ECDSA", namedCurve: CURVE }, false, ["sign", "verify"]);
export const newReplyKey = () =>
  crypto.subtle.generateKey({ name: "ECDH", namedCurve: CURVE }, false, ["deriveBits"]);

export async function publicJwk(pair) {
  const { kty, crv, x, y } = await crypto.subtle.exportKey("jwk", pair.publicKey);
  return { kty, crv, x, y };
}

// RFC 7638.
export async function thumbprint({ x, y }) {
  return encoded(await sha256(utf8(JSON.stringify({ crv: CURVE, kty: "EC", x, y }))));
}

// A thumbprint for people to compare, spelled as everywhere in Hanse.
export function fingerprint(kid) {
  return hex(decoded(kid).slice(0, 16)).match(/.{4}/g).join(" ");
}

// The id that a key gives its owner (core/ids.py): nobody else can have it.
export async function derivedId(kind, kid) {
  const name = utf8(kid);
  const length = new Uint8Array(8);
  new DataView(length.buffer).setBigUint64(0, BigInt(name.length));
  const digest = (await sha256(joined(length, name))).slice(0, 16);
  const number = BigInt(`0x${hex(digest)}`);
  const places = Array.from({ length: 26 }, (_, place) => BigInt(25 - place));
  return `${kind}_${places.map((place) => CROCKFORD[Number((number >> (5n * place)) & 31n)]).join("")}`;
}

// What a document is known by.
export const identity = async (payload) => hex(await sha256(payload));

export async function sign(key, payload, typ) {
  const header = encoded(utf8(JSON.stringify({ alg: ALGORITHM, kid: key.kid, typ })));
  const said = `${header}.${encoded(payload)}`;
  const signature = await crypto.subtle.sign(SIGNATURE, key.pair.privateKey, utf8(said));
  return `${said}.${encoded(new Uint8Array(signature))}`;
}

// The payload of a token of type `typ` that the key `jwk` signed; an error for any other.
export async function verified(token, jwk, typ) {
  const [head, payload, signature] = token.split(".");
  const header = JSON.parse(new TextDecoder().decode(decoded(head)));
  const wanted = { alg: ALGORITHM, kid: await thumbprint(jwk), typ };
  const names = Object.keys(header).sort().join();
  if (names !== "alg,kid,typ" || Object.keys(wanted).some((name) => header[name] !== wanted[name])) {
    throw new Error("The token was made for another use, or with another key.");
  }
  const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: CURVE }, false, ["verify"]);
  const bytes = decoded(payload);
  if (!(await crypto.subtle.verify(SIGNATURE, key, decoded(signature), utf8(`${head}.${payload}`)))) {
    throw new Error("The signature does not verify.");
  }
  return bytes;
}

export const read = (payload) => JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));

// What was sealed to a reply key (RFC 7516; RFC 7518, 4.6).
export async function unsealed(sealed, pair) {
  const [head, wrapped, iv, text, tag] = sealed.split(".");
  const { alg, enc, epk } = JSON.parse(new TextDecoder().decode(decoded(head)));
  if (alg !== SEALING.alg || enc !== SEALING.enc) throw new Error("This was sealed in another way.");
  const theirs = await crypto.subtle.importKey("jwk", epk, { name: "ECDH", namedCurve: CURVE }, false, []);
  const secret = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, pair.privateKey, 256);
  const wrapping = await crypto.subtle.importKey("raw", await concatKdf(new Uint8Array(secret)), "AES-KW", false, [
    "unwrapKey",
  ]);
  const key = await crypto.subtle.unwrapKey("raw", decoded(wrapped), wrapping, "AES-KW", "AES-GCM", false, ["decrypt"]);
  const how = { name: "AES-GCM", iv: decoded(iv), additionalData: utf8(head) };
  return new Uint8Array(await crypto.subtle.decrypt(how, key, joined(decoded(text), decoded(tag))));
}

// One round of the Concat KDF (NIST SP 800-56A, 5.8.1) for 256 bits, with no word about the parties.
function concatKdf(secret) {
  const name = utf8(SEALING.alg);
  const number = (value) => Uint8Array.of(0, 0, value >> 8, value & 255);
  return sha256(joined(number(1), secret, number(name.length), name, number(0), number(0), number(256)));
}
