const galleries = new WeakMap();
const MOVES = [
  ["before", "arrowleft", "Move back"], ["after", "arrowright", "Move on"],
  ["select", " ", "Select; when large, play"], ["all", "a", "Select all"],
  ["large", "o", "Show large and play"], ["undo", "z", "Undo"], ["keys", "?", "Keys"],
];

class Gallery {
  constructor(component) {
    this.component = component;
    this.root = element("div", "gallery");
    this.root.dataset.testid = "goalpost-gallery";
    this.bar = element("div", "bar");
    this.grid = element("div", "grid");
    component.parentElement.appendChild(this.root);
    // What was pressed here and is not yet part of the page's own cards: item -> {title, labels}.
    this.decided = new Map();
    this.batches = []; // what each press decided, for taking it back: [[{card, label}], ...]
    this.selected = new Set();
    this.at = 0;
    this.outbox = new Outbox(component.data.channel, (log) => {
      this.component.setStateValue("log", log);
    });
    const { choices, blind_choices: blind } = component.data;
    const known = new Map([...choices, ...blind].map(
      ({ answer, key, title }) => [answer, [answer, key.toLowerCase(), title]]));
    this.keys = new Keys("gallery", [...known.values(), ...MOVES], () => this.draw());
    this.viewer = new Viewer(this);
    this.root.append(this.outbox.root, this.bar, this.keys.root, this.grid, this.viewer.root);
    this.onkeydown = (event) => this.key(event);
    document.addEventListener("keydown", this.onkeydown);
    // The switch that led here would otherwise take the next press of the space bar or an arrow.
    this.grid.tabIndex = -1;
    const led = document.activeElement?.matches("button, [type=checkbox], [type=radio]");
    if (led) this.grid.focus({ preventScroll: true });
  }

  update(component) {
    this.component = component;
    const { cards, receipt, opened } = component.data;
    const at = this.staysAt(cards);
    this.cards = cards;
    this.outbox.take(receipt);
    const pending = new Set(this.outbox.pending.map(({ item }) => item));
    for (const item of this.decided.keys()) if (!pending.has(item)) this.decided.delete(item);
    const shown = new Set(cards.map(({ item_id }) => item_id));
    for (const item of this.selected) if (!shown.has(item)) this.selected.delete(item);
    this.at = at;
    this.draw();
    this.viewer.take(opened);
  }

  // Cards that were answered leave; the one in hand stays in hand, or else the next that is left.
  staysAt(cards) {
    const index = new Map(cards.map(({ item_id }, n) => [item_id, n]));
    const isLeft = ({ item_id }) => index.has(item_id);
    const before = this.cards ?? [];
    const next = before.slice(this.at).find(isLeft) ?? before.findLast(isLeft);
    return next ? index.get(next.item_id) : 0;
  }

  draw() {
    this.grid.replaceChildren(...this.cards.map((card, index) => this.card(card, index)));
    this.drawBar();
  }

  drawBar() {
    const count = this.selected.size;
    const words = element("span", "count", count ? `${count} selected` : "Nothing selected");
    const all = this.button(count === this.cards.length ? "Select none" : "Select all", "all",
      () => this.selectAll());
    const acts = count ? this.choices().map(({ title, answer }) => this.button(
      `${title} (all ${count})`, answer, () => this.decide(answer))) : [];
    const undo = this.button("Undo", "undo", () => this.undo());
    undo.disabled = !this.batches.length;
    const keys = this.button("Keys", "keys", () => this.keys.toggle());
    this.bar.replaceChildren(words, all, ...acts, undo, keys, this.hint());
  }

  // Choices that all cards in hand understand: by meaning, since a fix differs from card to card.
  choices() {
    const blind = this.cards.some((card) => card.blind);
    return this.component.data[blind ? "blind_choices" : "choices"];
  }

  card(card, index) {
    const root = element("article", "card");
    root.dataset.item = card.item_id;
    root.classList.toggle("current", index === this.at);
    root.classList.toggle("selected", this.selected.has(card.item_id));
    const head = element("div", "head");
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = this.selected.has(card.item_id);
    box.setAttribute("aria-label", `Select ${card.title}`);
    box.onchange = () => { this.at = index; this.toggle(card); };
    head.append(box, element("h4", "", card.title));
    if (card.badge) head.append(element("span", `badge ${card.tone}`, card.badge));
    const views = this.views(card.images);
    views.title = "Show large and play (O)";
    views.onclick = () => { this.at = index; this.draw(); this.viewer.open(card); };
    root.append(head, views, ...card.lines.map((line) => element("p", "line", line)));
    root.append(this.answers(card, index));
    return root;
  }

  views(images) {
    const views = element("div", "views");
    for (const [name, title] of this.component.data.cameras) {
      const image = element("img", "");
      image.alt = `${title} camera`;
      image.loading = "lazy";
      image.dataset.camera = name;
      if (images[name]) image.src = images[name];
      views.appendChild(image);
    }
    return views;
  }

  answers(card, index) {
    const row = element("div", "choices");
    const here = this.decided.get(card.item_id);
    const checked = here ? here.title : card.checked;
    if (checked) {
      row.classList.add("answered");
      row.append(element("span", "said", checked));
      const labels = here ? here.labels : card.label_id ? [[card.item_id, card.label_id]] : [];
      if (labels.length) {
        row.append(this.button("Undo", null, () => this.takeBack([{ card, labels }])));
      }
      return row;
    }
    for (const { title, answer } of this.choicesOf(card)) {
      row.append(this.button(title, answer, () => { this.at = index; this.decide(answer, [card]); }));
    }
    return row;
  }

  choicesOf(card) {
    if (card.blind) return this.component.data.blind_choices;
    const opposite = card.outcome === "success" ? "failure" : "success";
    const words = { confirm: `It is ${card.outcome}`, fix: `It is ${opposite}` };
    return this.component.data.choices.map((choice) => (
      { ...choice, title: words[choice.answer] ?? choice.title }));
  }

  // `answer`: confirm, fix, unsure, exclude, or (blind) success, failure, unsure.
  decide(answer, cards = null) {
    const chosen = cards ?? this.inHand();
    const batch = [];
    for (const card of chosen) {
      if (this.isAnswered(card)) continue;
      const items = answer === "exclude" ? card.exclude : [card.item_id];
      const said = this.outcome(card, answer);
      const labels = items.map((item) => [item, this.outbox.add(item, said)]);
      const { title } = this.choicesOf(card).find((choice) => choice.answer === answer);
      this.decided.set(card.item_id, { title: `Saved: ${title}`, labels });
      batch.push({ card, labels });
    }
    if (!batch.length) return;
    this.batches.push(batch);
    this.selected.clear();
    this.next();
  }

  outcome(card, answer) {
    if (answer === "exclude") return "unsure";
    if (answer === "confirm") return card.outcome;
    if (answer === "fix") return card.outcome === "success" ? "failure" : "success";
    return answer;
  }

  isAnswered(card) {
    const here = this.decided.get(card.item_id);
    return Boolean(here ? here.title : card.checked);
  }

  inHand() {
    if (this.viewer.card) return [this.viewer.card];
    if (this.selected.size) return this.cards.filter(({ item_id }) => this.selected.has(item_id));
    return this.cards[this.at] ? [this.cards[this.at]] : [];
  }

  next() {
    const open = this.cards.findIndex((card, n) => n > this.at && !this.isAnswered(card));
    if (open >= 0) this.at = open;
    this.draw();
    if (this.viewer.card) open >= 0 ? this.viewer.open(this.cards[open]) : this.viewer.close();
    else this.grid.children[this.at]?.scrollIntoView({ block: "nearest" });
  }

  undo() {
    const batch = this.batches.pop();
    if (batch) this.takeBack(batch);
  }

  takeBack(batch) {
    for (const { card, labels } of batch) {
      for (const [item, label] of labels) this.outbox.add(item, "undo", label);
      this.decided.set(card.item_id, { title: null, labels: [] });
    }
    const undone = new Set(batch.map(({ card }) => card.item_id));
    this.batches = this.batches.map(
      (each) => each.filter(({ card }) => !undone.has(card.item_id))).filter(({ length }) => length);
    this.draw();
  }

  toggle(card) {
    if (!this.selected.delete(card.item_id)) this.selected.add(card.item_id);
    this.draw();
  }

  selectAll() {
    const all = this.selected.size === this.cards.length;
    this.selected = new Set(all ? [] : this.cards.map(({ item_id }) => item_id));
    this.draw();
  }

  move(step) {
    this.at = Math.max(0, Math.min(this.cards.length - 1, this.at + step));
    this.draw();
    this.grid.children[this.at]?.scrollIntoView({ block: "nearest" });
    if (this.viewer.card) this.viewer.open(this.cards[this.at]);
  }

  key(event) {
    if (!this.root.isConnected || !this.cards?.length) return;
    if (event.key === "Escape" && !event.repeat && !this.keys.changing && !isTyping(event)) {
      if (this.viewer.card) this.viewer.close();
      else { this.selected.clear(); this.draw(); }
      return;
    }
    const action = this.keys.action(event);
    if (!action || (event.key === " " && event.composedPath()[0].tagName === "BUTTON")) return;
    const acts = {
      before: () => this.move(-1),
      after: () => this.move(1),
      select: () => (this.viewer.card ? this.viewer.toggle() : this.toggle(this.cards[this.at])),
      all: () => this.selectAll(),
      large: () => this.viewer.open(this.cards[this.at]),
      undo: () => this.undo(),
      keys: () => this.keys.toggle(),
    };
    const chosen = this.choices().some(({ answer }) => answer === action);
    const act = chosen ? () => this.decide(action) : acts[action];
    if (!act) return;
    event.preventDefault();
    act();
  }

  button(title, action, onclick) {
    const button = element("button", "", title);
    button.type = "button";
    button.onclick = onclick;
    if (action) button.append(" ", element("kbd", "", this.keys.words(action)));
    return button;
  }

  hint() {
    const words = element("span", "hint");
    for (const [actions, title] of [
      [["before", "after"], "move"], [["select"], "select"], [["large"], "large, play"],
    ]) {
      const keys = actions.map((action) => this.keys.words(action)).join(" ");
      words.append(element("kbd", "", keys), ` ${title}  `);
    }
    return words;
  }

  destroy() {
    document.removeEventListener("keydown", this.onkeydown);
    this.viewer.close();
    this.outbox.close();
    this.root.remove();
  }
}

// One card large, its clip or episode played as fast as it was recorded.
class Viewer {
  constructor(gallery) {
    this.gallery = gallery;
    this.root = element("div", "viewer");
    this.root.setAttribute("role", "region");
    this.root.setAttribute("aria-label", "Large view");
    this.root.hidden = true;
    this.card = null;
    this.film = new Film((frame) => this.show(frame), { loop: true });
    this.film.find(".play").onclick = () => this.toggle();
  }

  open(card) {
    if (this.card?.item_id !== card.item_id) this.film.clear("Loading the recording …");
    this.card = card;
    this.root.hidden = false;
    this.draw();
    this.gallery.component.setStateValue("open", card.item_id);
  }

  // The page sends the frames of the card that was opened.
  take(opened) {
    if (!this.card) return;
    const now = this.gallery.cards.find(({ item_id }) => item_id === this.card.item_id);
    if (!now) { this.close(); return; }
    this.card = now;
    const first = !this.film.recording && opened?.item_id === now.item_id;
    if (first) this.film.load(opened);
    this.draw();
    if (first) this.film.play(0);
  }

  draw() {
    const { gallery, card } = this;
    const head = element("div", "head");
    head.append(element("h4", "", card.title));
    if (card.badge) head.append(element("span", `badge ${card.tone}`, card.badge));
    const close = gallery.button("Close", null, () => this.close());
    close.append(" ", element("kbd", "", "Esc"));
    head.append(close);
    this.views = gallery.views(card.images);
    this.film.find("kbd").textContent = gallery.keys.words("select");
    this.root.replaceChildren(head, this.views, this.film.root,
      ...card.lines.map((line) => element("p", "line", line)),
      gallery.answers(card, gallery.cards.indexOf(card)));
    if (this.film.at !== null) this.show(this.film.recording.frames[this.film.at]);
  }

  show(frame) {
    for (const image of this.views.children) {
      const source = frame[image.dataset.camera];
      image.classList.toggle("unseen", !source); // steps of robots lack the side views
      if (source) image.src = source;
    }
  }

  toggle() { if (this.film.recording) this.film.toggle(); }

  close() {
    this.film.clear();
    this.card = null;
    this.root.hidden = true;
  }
}

function element(tag, className, text = null) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== null) made.textContent = text;
  return made;
}

export default function (component) {
  const parent = component.parentElement;
  if (!galleries.has(parent)) galleries.set(parent, { gallery: new Gallery(component), turn: 0 });
  const entry = galleries.get(parent);
  const turn = ++entry.turn;
  entry.gallery.update(component);
  return () => {
    if (entry.turn !== turn) return;
    entry.gallery.destroy();
    galleries.delete(parent);
  };
}
