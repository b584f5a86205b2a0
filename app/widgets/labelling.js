const ANSWERS = [
  ["success", "1", "Success"], ["failure", "0", "Failure"], ["unsure", "u", "Unsure"],
  ["skip", "s", "Skip"], ["undo", "z", "Undo"],
];
const widgets = new WeakMap();

class Labelling {
  constructor(component) {
    this.component = component;
    this.root = document.createElement("div");
    this.root.className = "labelling";
    this.root.dataset.testid = "goalpost-labelling";
    component.parentElement.appendChild(this.root);
    this.skipped = new Set();
    this.history = [];
    this.preloaded = new Map();
    this.current = null;
    this.build(component.data.cameras);
    this.outbox = new Outbox(component.data.channel, (log) => {
      this.component.setStateValue("log", { ...log, skipped: [...this.skipped] });
    });
    this.root.appendChild(this.outbox.root);
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
  }

  build(cameras) {
    this.root.innerHTML = '<div class="question"><div><h3></h3><p class="details"></p></div>' +
      '<p class="left"></p></div><div class="views"></div><div class="answers"></div>' +
      '<p class="said" role="status" aria-live="polite"></p>' +
      '<div class="empty"><p></p><button type="button" class="again">Show them again</button></div>';
    this.find(".again").onclick = () => {
      this.skipped.clear();
      this.outbox.flush();
      this.advance();
    };
    this.images = {};
    for (const [name, title] of cameras) {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      const caption = document.createElement("figcaption");
      image.alt = `${title} camera`;
      caption.textContent = title;
      figure.append(image, caption);
      this.find(".views").appendChild(figure);
      this.images[name] = image;
    }
    for (const [answer, key, title] of ANSWERS) {
      const button = document.createElement("button");
      button.className = answer;
      button.type = "button";
      button.innerHTML = `<span>${title}</span><kbd>${key.toUpperCase()}</kbd>`;
      button.setAttribute("aria-keyshortcuts", key);
      button.onclick = () => this.answer(answer);
      this.find(".answers").appendChild(button);
    }
  }

  find(selector) { return this.root.querySelector(selector); }

  show(selector, shown) { this.find(selector).style.display = shown ? "" : "none"; }

  update(component) {
    this.component = component;
    const { queue_id, questions, receipt, waiting } = component.data;
    this.outbox.take(receipt);
    if (queue_id !== this.queueId) {
      this.queueId = queue_id;
      this.current = null;
    }
    this.questions = questions;
    this.waiting = waiting;
    // The picture a person looks at never changes under their finger.
    if (!this.current) this.advance(); else this.draw();
    this.preload();
  }

  // Answered here, but not yet left out of the page's questions.
  unconfirmed() {
    const items = new Set();
    for (const { item, answer } of this.outbox.pending) {
      if (answer === "undo") items.delete(item); else items.add(item);
    }
    return items;
  }

  advance() {
    const answered = this.unconfirmed();
    this.current = this.questions.find(
      ({ item_id: item }) => !answered.has(item) && !this.skipped.has(item)) ?? null;
    this.draw();
  }

  preload() {
    const wanted = new Map();
    for (const { images } of this.questions) {
      for (const url of Object.values(images)) {
        let image = this.preloaded.get(url);
        if (!image) { image = new Image(); image.src = url; }
        wanted.set(url, image);
      }
    }
    this.preloaded = wanted;
  }

  draw() {
    const question = this.current;
    const left = this.waiting - this.unconfirmed().size;
    const skipped = Boolean(this.skipped.size);
    this.show(".empty", !question && left > 0);
    this.show(".again", skipped);
    this.find(".empty p").textContent = skipped
      ? "Only pictures that you skipped are left." : "Fetching the next pictures…";
    for (const part of [".question", ".views"]) this.show(part, question);
    for (const button of this.root.querySelectorAll(".answers button")) {
      const undoing = button.className === "undo";
      button.disabled = undoing && !this.history.length;
      button.style.display = question || (undoing && !button.disabled) ? "" : "none";
    }
    this.root.dataset.item = question?.item_id ?? "";
    if (!question) return;
    this.find("h3").textContent = question.question;
    this.find(".details").textContent = question.details;
    this.find(".left").textContent = `${Math.max(left, 1)} to go`;
    for (const [camera, image] of Object.entries(this.images)) {
      const url = question.images[camera] ?? "";
      if (image.getAttribute("src") !== url) image.src = url;
    }
  }

  key(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return;
    const found = ANSWERS.find(([, key]) => key === event.key.toLowerCase());
    if (!found) return;
    event.preventDefault();
    this.answer(found[0]);
  }

  answer(answer) {
    if (answer === "undo") { this.undo(); return; }
    const question = this.current;
    if (!question) return;
    if (answer === "skip") {
      this.skipped.add(question.item_id);
      this.history.push({ question, label: null });
      this.say(`Skipped. ${question.question}`);
    } else {
      this.history.push({ question, label: this.outbox.add(question.item_id, answer) });
      this.say(`Answered ${answer}. ${question.question}`);
    }
    this.advance();
    if (answer === "skip") this.outbox.flush();
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    const { question, label } = last;
    this.skipped.delete(question.item_id);
    if (label !== null) this.outbox.add(question.item_id, "undo", label);
    this.current = question;
    this.say("Took the last answer back.");
    this.draw();
  }

  say(text) { this.find(".said").textContent = text; }

  destroy() {
    document.removeEventListener("keydown", this.onKey);
    this.outbox.close();
    this.root.remove();
  }
}

export default function (component) {
  const parent = component.parentElement;
  if (!widgets.has(parent)) widgets.set(parent, { widget: new Labelling(component), turn: 0 });
  const entry = widgets.get(parent);
  const turn = ++entry.turn;
  entry.widget.update(component);
  return () => {
    if (entry.turn !== turn) return;
    entry.widget.destroy();
    widgets.delete(parent);
  };
}
