// Keeps decisions until the page says what became of them, also when the tab is closed: they lie in
// the browser's own storage, one entry each, under the name of the person who gave them. Each
// opening of a page is a client of its own, so that no two tabs number two decisions alike; a tab
// sends what others left behind too, and sending twice does no harm.

// The page answers by running, and whatever is sent meanwhile breaks that run off: one that takes
// longer than the wait would be begun anew for ever, so each wait is twice the one before.
const FIRST_RETRY_MS = 4000;
const LONGEST_RETRY_MS = 30000;

class Outbox {
  constructor(channel, send) {
    this.channel = channel;
    this.send = send;
    const random = crypto.getRandomValues(new Uint8Array(12));
    this.client = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
    this.n = 0;
    this.attempt = 0;
    this.by = null;
    this.pending = [];
    this.patience_ms = FIRST_RETRY_MS;
    this.aside = [];
    this.root = document.createElement("div");
    this.root.className = "aside";
    this.root.setAttribute("role", "alert");
    this.onoffline = () => this.draw();
    this.ononline = () => {
      this.patience_ms = FIRST_RETRY_MS;
      if (this.pending.length) this.flush();
      this.draw();
    };
    window.addEventListener("offline", this.onoffline);
    window.addEventListener("online", this.ononline);
  }

  // What the page knows: who answers now, what is saved, and what can never be saved as it is.
  take({ by, saved, refused }) {
    if (by !== this.by) this.restore(by);
    const done = new Set(saved);
    for (const entry of [...this.pending, ...this.aside]) {
      if (done.has(idOf(entry))) this.forget(entry);
      else if (refused[idOf(entry)]) this.keep({ ...entry, refused: refused[idOf(entry)] });
    }
    const left = this.pending.filter(
      (entry) => !done.has(idOf(entry)) && !refused[idOf(entry)]);
    if (left.length < this.pending.length) this.patience_ms = FIRST_RETRY_MS;
    this.pending = left;
    this.readAside();
    if (!this.pending.length) clearTimeout(this.retry);
  }

  restore(by) {
    this.by = by;
    this.pending = this.stored().filter((entry) => !entry.refused);
    this.readAside();
    if (this.pending.length) this.flush();
  }

  add(item, answer, undoes = null) {
    this.n += 1;
    const entry = { client: this.client, n: this.n, item, answer, at: Date.now() };
    if (undoes !== null) entry.undoes = undoes;
    this.pending.push(entry);
    this.keep(entry);
    this.flush();
    this.draw();
    return `app-${this.client}-${this.n}`; // the label's identity, as the server will write it
  }

  // The server may be away, or its disk full: send again until everything is settled.
  flush() {
    clearTimeout(this.retry);
    if (this.pending.length) {
      this.retry = setTimeout(() => {
        this.patience_ms = Math.min(2 * this.patience_ms, LONGEST_RETRY_MS);
        this.flush();
        this.draw();
      }, this.patience_ms);
    }
    this.attempt += 1;
    this.send({ entries: this.pending, attempt: this.attempt });
  }

  prefix() { return `goalpost-decisions|${this.channel}|${this.by}|`; }

  stored() {
    const entries = [];
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(this.prefix())) entries.push(JSON.parse(localStorage.getItem(key)));
      }
    } catch { /* no storage: this tab alone remembers */ }
    return entries.sort((a, b) => a.at - b.at || a.n - b.n);
  }

  keep(entry) {
    try { localStorage.setItem(this.prefix() + idOf(entry), JSON.stringify(entry)); } catch { /* full */ }
  }

  forget(entry) {
    try { localStorage.removeItem(this.prefix() + idOf(entry)); } catch { /* no storage */ }
  }

  readAside() {
    this.aside = this.stored().filter((entry) => entry.refused);
    this.draw();
  }

  draw() {
    const rows = this.aside.map((entry) => this.asideRow(entry));
    const words = this.waitingWords();
    if (words) {
      const row = document.createElement("p");
      row.textContent = words;
      rows.unshift(row);
    }
    this.root.replaceChildren(...rows);
    this.root.style.display = rows.length ? "" : "none";
  }

  // A page may be slow; that it leaves three sendings unanswered is worth a word.
  waitingWords() {
    const count = this.pending.length;
    const silent = this.patience_ms > 2 * FIRST_RETRY_MS;
    if (!count || (navigator.onLine && !silent)) return "";
    const why = navigator.onLine ? "Goalpost does not answer" : "This computer is offline";
    const what = count === 1 ? "1 answer is" : `${count} answers are`;
    return `${why}: ${what} not saved yet. You can go on; this browser keeps your answers and ` +
      "sends them as soon as the connection is back.";
  }

  asideRow(entry) {
    const row = document.createElement("p");
    row.append(`Your answer “${entry.answer}” could not be saved. ${entry.refused} `);
    const again = document.createElement("button");
    again.textContent = "Try again";
    again.onclick = () => {
      const { refused, ...tried } = entry;
      this.keep(tried);
      this.pending.push(tried);
      this.readAside();
      this.flush();
    };
    const drop = document.createElement("button");
    drop.textContent = "Forget it";
    drop.onclick = () => { this.forget(entry); this.readAside(); };
    for (const button of [again, drop]) button.type = "button";
    row.append(again, " ", drop);
    return row;
  }

  close() {
    clearTimeout(this.retry);
    window.removeEventListener("offline", this.onoffline);
    window.removeEventListener("online", this.ononline);
  }
}

function idOf({ client, n }) { return `${client}:${n}`; }

function isTyping(event) {
  const target = event.composedPath()[0];
  const tag = target?.tagName?.toLowerCase();
  if (["textarea", "select"].includes(tag) || target?.isContentEditable) return true;
  if (tag === "input" && !["checkbox", "radio", "button", "range"].includes(target.type)) return true;
  return Boolean(document.querySelector('[role="dialog"], [data-baseweb="popover"] [role="listbox"]'));
}
