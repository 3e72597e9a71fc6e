// What this browser keeps for its person, in IndexedDB: one key, the keys that open answers, and what was sent.

const NAME = "hanse";
const SHELVES = ["keys", "replies", "applications", "runs"]; // each by the member `id`

let opening;

function open() {
  opening ??= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const shelf of SHELVES) asked.result.createObjectStore(shelf, { keyPath: "id" });
    };
    asked.onsuccess = () => resolve(asked.result);
    asked.onerror = () => reject(asked.error);
  });
  return opening;
}

async function act(shelf, mode, what) {
  const transaction = (await open()).transaction(shelf, mode);
  const asked = what(transaction.objectStore(shelf));
  return new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve(asked.result);
    transaction.onerror = transaction.onabort = () => reject(transaction.error);
  });
}

export const put = (shelf, one) => act(shelf, "readwrite", (store) => store.put(one));
export const get = (shelf, id) => act(shelf, "readonly", (store) => store.get(id));
export const all = (shelf) => act(shelf, "readonly", (store) => store.getAll());
export const remove = (shelf, id) => act(shelf, "readwrite", (store) => store.delete(id));

// The key of this browser: { id, kid, jwk, pair, made }.
export const key = () => get("keys", "working");
