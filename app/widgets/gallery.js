const galleries = new WeakMap();

class Gallery {
  constructor(component) {
    this.component = component;
    this.root = document.createElement("div");
    this.root.className = "gallery";
    this.root.dataset.testid = "goalpost-gallery";
    component.parentElement.appendChild(this.root);
    // What was pressed here and is not yet part of the page's own cards: item -> {title, label}.
    this.decided = new Map();
    this.outbox = new Outbox(component.data.channel, (log) => {
      this.component.setStateValue("log", log);
    });
  }

  update(component) {
    this.component = component;
    const { cards, receipt, cameras } = component.data;
    this.outbox.take(receipt);
    const pending = new Set(this.outbox.pending.map(({ item }) => item));
    for (const item of this.decided.keys()) if (!pending.has(item)) this.decided.delete(item);
    this.root.replaceChildren(
      this.outbox.root, ...cards.map((card) => this.card(card, cameras)));
  }

  card(card, cameras) {
    const root = element("article", "card");
    root.dataset.item = card.item_id;
    const head = element("div", "head");
    head.append(element("h4", "", card.title), element("span", `badge ${card.tone}`, card.badge));
    const views = element("div", "views");
    for (const [name, title] of cameras) {
      const image = element("img", "");
      image.alt = `${title} camera`;
      image.loading = "lazy";
      if (card.images[name]) image.src = card.images[name];
      views.appendChild(image);
    }
    root.append(head, views, ...card.lines.map((line) => element("p", "line", line)));
    const choices = element("div", "choices");
    root.appendChild(choices);
    this.drawChoices(root, choices, card);
    return root;
  }

  drawChoices(root, choices, card) {
    const here = this.decided.get(card.item_id);
    const checked = here ? here.title : card.checked;
    const label = here ? here.label : card.label_id;
    root.classList.toggle("checked", Boolean(checked));
    choices.replaceChildren();
    if (checked) {
      choices.append(element("span", "said", checked));
      if (label) choices.append(this.button("Undo", () => {
        this.outbox.add(card.item_id, "undo", label);
        this.decided.set(card.item_id, { title: null, label: null });
        this.drawChoices(root, choices, card);
      }));
      return;
    }
    for (const { answer, title } of card.choices) {
      choices.append(this.button(title, () => {
        const made = this.outbox.add(card.item_id, answer);
        this.decided.set(card.item_id, { title: `Saved: ${title}`, label: made });
        this.drawChoices(root, choices, card);
      }));
    }
  }

  button(title, onclick) {
    const button = element("button", "", title);
    button.type = "button";
    button.onclick = onclick;
    return button;
  }

  destroy() { this.outbox.close(); this.root.remove(); }
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
