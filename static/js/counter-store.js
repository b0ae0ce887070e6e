// What this phone keeps, sealed: the cards under a key that a sign-out forgets, the queue under
// the device's own, so that nothing that waits is lost by it. Neither key can be read out.
const NAME = "comptoir";
const STORES = { keys: {}, facts: {}, queue: { keyPath: "seq", autoIncrement: true } };

export const able = isSecureContext && "indexedDB" in window && Boolean(crypto.subtle);

let opened = null;

function database() {
  opened ||= new Promise((resolve, reject) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => {
      for (const [name, options] of Object.entries(STORES)) {
        const store = asked.result.createObjectStore(name, options);
        if (name === "queue") store.createIndex("id", "id", { unique: true });
      }
    };
    asked.onsuccess = () => {
      asked.result.onversionchange = () => { asked.result.close(); opened = null; };
      resolve(asked.result);
    };
    asked.onerror = () => { opened = null; reject(asked.error); };
  });
  return opened;
}

// One transaction on one store; it has reached the disk when the promise is kept.
async function inside(name, mode, work) {
  const db = await database();
  return new Promise((resolve, reject) => {
    const turn = db.transaction(name, mode, { durability: "strict" });
    const asked = work(turn.objectStore(name));
    turn.oncomplete = () => resolve(asked?.result);
    turn.onabort = () => reject(turn.error);
  });
}

const read = (name, key) => inside(name, "readonly", (store) => store.get(key));

async function key(name) {
  const found = await read("keys", name);
  if (found) return found;
  const made = await crypto.subtle.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt", "decrypt"]);
  // Two pages may make one at once: the first to be written is the key.
  await inside("keys", "readwrite", (store) => {
    store.get(name).onsuccess = (event) => { if (!event.target.result) store.put(made, name); };
  });
  return read("keys", name);
}

async function seal(name, value) {
  const iv = crypto.getRandomValues(new Uint8Array(12));
  const plain = new TextEncoder().encode(JSON.stringify(value));
  return { iv, data: await crypto.subtle.encrypt({ name: "AES-GCM", iv }, await key(name), plain) };
}

async function open(name, sealed) {
  const plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv: sealed.iv }, await key(name), sealed.data);
  return JSON.parse(new TextDecoder().decode(plain));
}

// --- facts: this device, its person and their pass, what was heard last -----------------------------

export const fact = (name) => read("facts", name);
export const keep = (name, value) => inside("facts", "readwrite", (store) => store.put(value, name));

export async function device() {
  await inside("facts", "readwrite", (store) => {
    store.get("device").onsuccess = (event) => {
      if (!event.target.result) store.put(crypto.randomUUID(), "device");
    };
  });
  return fact("device");
}

// --- the cards -------------------------------------------------------------------------------

// Who is at this phone; the pass says so, to the server, of what is done from now on.
export const signIn = (pass, who) => inside("facts", "readwrite", (store) => {
  store.put(pass, "pass");
  store.put(who, "who");
});

// An answer that comes after a sign-out brings nothing back.
const whileSignedIn = (work) => inside("facts", "readwrite", (store) => {
  store.get("pass").onsuccess = (event) => { if (event.target.result) work(store); };
});

export async function keepCards(cards, tag) {
  const kept = { at: Date.now(), tag, sealed: await seal("cards", cards) };
  await whileSignedIn((store) => store.put(kept, "cards"));
}

// The cards of the last 90 days, and when they were fetched; null when nothing is kept.
export async function cards() {
  const kept = await fact("cards");
  if (!kept || !(await read("keys", "cards"))) return null;
  const known = await open("cards", kept.sealed).catch(() => null); // its key was forgotten
  return known && { ...known, at: kept.at, tag: kept.tag };
}

export const cardsAge = async () => (await fact("cards"))?.at;
export const touchCards = () => whileSignedIn((store) => {
  store.get("cards").onsuccess = (event) => {
    if (event.target.result) store.put({ ...event.target.result, at: Date.now() }, "cards");
  };
});

// At a sign-out: without the key what is kept says nothing; it goes too, and so does the person.
export async function signOut() {
  await inside("keys", "readwrite", (store) => store.delete("cards"));
  await inside("facts", "readwrite", (store) => {
    for (const name of ["pass", "who", "cards", "gives"]) store.delete(name);
  });
}

// --- the queue -------------------------------------------------------------------------------

// Puts a gesture at the end; the same name twice stands there once.
export async function put(gesture) {
  const entry = { id: gesture.id, tried: false, sealed: await seal("queue", gesture) };
  await inside("queue", "readwrite", (store) => {
    store.index("id").getKey(entry.id).onsuccess = (event) => {
      if (event.target.result === undefined) store.add(entry);
    };
  });
}

export const count = () => inside("queue", "readonly", (store) => store.count());

// The first gestures of the queue, in order: { seq, tried, ...gesture }.
export async function first(most = undefined) {
  const entries = await inside("queue", "readonly", (store) => store.getAll(null, most));
  return Promise.all(entries.map(async ({ seq, tried, sealed }) => ({ seq, tried, ...(await open("queue", sealed)) })));
}

// From now on the server may know of them.
export const markTried = (gestures) => inside("queue", "readwrite", (store) => {
  for (const { seq } of gestures) {
    store.get(seq).onsuccess = (event) => {
      if (event.target.result) store.put({ ...event.target.result, tried: true });
    };
  }
});

export const remove = (gestures) => inside("queue", "readwrite", (store) => {
  for (const { seq } of gestures) store.delete(seq);
});

// Takes a gesture back that has never been sent; false when the server may know of it.
export async function takeBack(id) {
  let gone = false;
  await inside("queue", "readwrite", (store) => {
    store.index("id").get(id).onsuccess = (event) => {
      const entry = event.target.result;
      gone = Boolean(entry && !entry.tried);
      if (gone) store.delete(entry.seq);
    };
  });
  return gone;
}
