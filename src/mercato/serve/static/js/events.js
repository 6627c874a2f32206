/** What the shopper did in, one durable event at the server out: kept here until the server says it has it. */
import { addressed, headers } from "./api.js";
import { randomName, read, session, shopper, write } from "./store.js";

const KEY = "events";
const BATCH = 100;
const STALE_MS = 10_000;
let running = null;
let wait = 1000;
let timer = 0;

const pending = () => read(KEY, []);

function drop(ids) {
  write(KEY, pending().filter((event) => !ids.has(event.event_id)));
}

/** Queue one event; it goes out at once, and again after a pause until it is accepted. */
export function send(type, details = {}) {
  const event = { type, shopper_id: shopper(), session_id: session(), event_id: randomName(32), queued: Date.now(), ...details };
  write(KEY, [...pending(), event]);
  flush();
}

/* A fresh event takes the server's clock; only one that waited says when it happened. */
function onTheWire({ queued, ...event }) {
  return Date.now() - queued > STALE_MS ? { ...event, at: new Date(queued).toISOString() } : event;
}

async function post(batch) {
  const body = JSON.stringify({ events: batch.map(onTheWire) });
  const response = await fetch("/v1/events", { method: "POST", headers: headers(true), body });
  if (response.status >= 500) throw new Error(`the server answered ${response.status}`);
  const answer = await response.json().catch(() => ({}));
  for (const refused of answer.rejected ?? []) console.warn("event refused:", refused.field, refused.message);
  if (!response.ok) console.warn("events refused:", answer.error?.message);
  drop(new Set(batch.map((event) => event.event_id)));
}

async function run() {
  try {
    for (let batch = pending().slice(0, BATCH); batch.length; batch = pending().slice(0, BATCH)) await post(batch);
    wait = 1000;
  } catch {
    clearTimeout(timer);
    timer = setTimeout(flush, wait);
    wait = Math.min(wait * 2, 60_000);
  }
}

/** Send what is queued; one sender at a time. */
export function flush() {
  running ??= run().finally(() => {
    running = null;
  });
  return running;
}

/** Resolves when everything queued is at the server, or after ``most`` ms: the next list should know the last click. */
export function settled(most = 800) {
  return Promise.race([flush(), new Promise((resolve) => setTimeout(resolve, most))]);
}

/* Leaving the page: the rest goes as a beacon. It stays queued too; the server keeps an event_id once. */
addEventListener("pagehide", () => {
  const rest = pending().slice(0, BATCH);
  if (rest.length) {
    const body = new Blob([JSON.stringify({ events: rest.map(onTheWire) })], { type: "application/json" });
    navigator.sendBeacon(addressed("/v1/events"), body);
  }
});
addEventListener("online", flush);
flush();
