/** What this browser remembers: who is shopping, the visit, the cart, and what was just done. */

const listeners = new Set();

/** A random name of n hexadecimal digits. */
export function randomName(n = 16) {
  return [...crypto.getRandomValues(new Uint8Array(n / 2))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function read(key, otherwise, storage = localStorage) {
  try {
    return JSON.parse(storage.getItem(`mercato.${key}`)) ?? otherwise;
  } catch {
    return otherwise;
  }
}

export function write(key, value, storage = localStorage) {
  try {
    storage.setItem(`mercato.${key}`, JSON.stringify(value));
  } catch {
    /* a full or forbidden storage costs memory of the visit, not the visit */
  }
}

export const onChange = (listener) => listeners.add(listener);
const changed = () => listeners.forEach((listener) => listener());

/** The shopper's id; a first visit gets a fresh one. */
export function shopper() {
  let id = read("shopper", "");
  if (!id) write("shopper", (id = `guest-${randomName(8)}`));
  return id;
}

export function become(id) {
  write("shopper", id);
  newVisit();
  write("just", null, sessionStorage);
  changed();
}

export const newShopper = () => become(`guest-${randomName(8)}`);

/** The visit's id: events of one visit belong together; a purchase ends it. */
export function session() {
  let id = read("session", "", sessionStorage);
  if (!id) id = newVisit();
  return id;
}

export function newVisit() {
  const id = `visit-${randomName()}`;
  write("session", id, sessionStorage);
  return id;
}

/** The last thing done, in words ("you added Bananas"), for the rows to say what they answer to. */
export const just = () => read("just", null, sessionStorage);
export const didJust = (words) => write("just", { words, at: Date.now() }, sessionStorage);

const cartKey = () => `cart.${shopper()}`;

/** Lines of {id, title, price, currency, categories, image, attributes, quantity, slate_id, position}. */
export const cart = () => read(cartKey(), []);
export const cartCount = () => cart().reduce((sum, line) => sum + line.quantity, 0);
export const quantityOf = (id) => cart().find((line) => line.id === id)?.quantity ?? 0;

export function setQuantity(item, quantity, origin = {}) {
  const lines = cart();
  const line = lines.find((candidate) => candidate.id === item.id);
  if (line) line.quantity = quantity;
  else {
    const { id, title, price, currency, categories, image, attributes, brand } = item;
    lines.push({ id, title, price, currency, categories, image, attributes, brand, quantity, ...origin });
  }
  write(cartKey(), lines.filter((candidate) => candidate.quantity > 0));
  changed();
}

export function emptyCart() {
  write(cartKey(), []);
  changed();
}
