// Keeps decisions until the page confirms them, also across a reload of the tab. Each opening of a
// page is a client of its own, so that a duplicated tab can never number two decisions alike.

const RETRY_AFTER_MS = 4000;

class Outbox {
  constructor(channel, send) {
    this.key = `goalpost-decisions:${channel}`;
    this.send = send;
    const random = crypto.getRandomValues(new Uint8Array(12));
    this.client = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.n = 0;
    this.attempt = 0;
    this.pending = this.restore();
    if (this.pending.length) this.flush();
  }

  restore() {
    try { return JSON.parse(sessionStorage.getItem(this.key)) ?? []; } catch { return []; }
  }

  add(item, answer, undoes = null) {
    this.n += 1;
    const entry = { client: this.client, n: this.n, item, answer };
    if (undoes !== null) entry.undoes = undoes;
    this.pending.push(entry);
    this.store();
    this.flush();
    return `app-${this.client}-${this.n}`; // the label's identity, as the server will write it
  }

  confirm(ids) {
    const confirmed = new Set(ids);
    const before = this.pending.length;
    this.pending = this.pending.filter(({ client, n }) => !confirmed.has(`${client}:${n}`));
    if (this.pending.length !== before) this.store();
    if (!this.pending.length) clearTimeout(this.retry);
  }

  // The server may be away, or may have refused: send again until everything is confirmed.
  flush() {
    clearTimeout(this.retry);
    if (this.pending.length) this.retry = setTimeout(() => this.flush(), RETRY_AFTER_MS);
    this.attempt += 1;
    this.send({ entries: this.pending, attempt: this.attempt });
  }

  store() {
    try { sessionStorage.setItem(this.key, JSON.stringify(this.pending)); } catch { /* full */ }
  }

  close() { clearTimeout(this.retry); }
}

function isTyping(event) {
  const target = event.composedPath()[0];
  const tag = target?.tagName?.toLowerCase();
  if (["textarea", "select"].includes(tag) || target?.isContentEditable) return true;
  if (tag === "input" && !["checkbox", "radio", "button", "range"].includes(target.type)) return true;
  return Boolean(document.querySelector('[role="dialog"], [data-baseweb="popover"] [role="listbox"]'));
}
