const ACTIONS = [
  ["success", "1", "Success"], ["failure", "0", "Failure"], ["unsure", "u", "Unsure"],
  ["none", "n", "None of these"], ["skip", "s", "Skip"], ["undo", "z", "Undo"],
  ["play", "p", "Play the episode"], ["back", "arrowleft", "One frame back"],
  ["on", "arrowright", "One frame on"], ["up", "arrowup", "Task above"],
  ["down", "arrowdown", "Task below"], ["view", "v", "Another view large"],
  ["magnify", "x", "Magnify"], ["keys", "?", "Keys"],
];
const ANSWERS = ["success", "failure", "unsure", "none", "skip", "undo"];
const PANNING = { back: [-10, 0], on: [10, 0], up: [0, -10], down: [0, 10] };
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
    this.marks = new Map(); // what was answered here of the current picture, by task
    this.at = 0; // the task that the next answer is about
    this.keys = new Keys("label", ACTIONS, () => this.drawKeys());
    this.film = new Film((frame) => this.showFrame(frame));
    this.build(component.data.cameras);
    this.outbox = new Outbox(component.data.channel, (log) => {
      this.component.setStateValue("log", { ...log, skipped: [...this.skipped] });
    });
    this.find(".said").after(this.outbox.root);
    this.onKey = (event) => this.key(event);
    document.addEventListener("keydown", this.onKey);
  }

  build(cameras) {
    this.root.innerHTML = '<div class="question"><div><h3></h3><p class="details"></p></div>' +
      '<p class="left"></p></div><div class="answers"></div>' +
      '<p class="said" role="status" aria-live="polite"></p>' +
      '<div class="picture"><div class="seen"><div class="views"></div>' +
      '<div class="tools"></div></div><ol class="tasks" aria-label="Tasks"></ol></div>' +
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
      figure.onclick = (event) => this.look(figure, event);
      figure.onpointermove = (event) => this.follow(figure, event);
      this.find(".views").appendChild(figure);
      this.images[name] = image;
    }
    this.find(".views").firstChild.classList.add("large");
    this.film.find(".play").onclick = () => this.play();
    this.find(".tools").append(this.film.root,
      this.button("magnify", "Magnify"), this.button("view", "Other view"),
      this.button("keys", "Keys"));
    for (const answer of ANSWERS) {
      const [, , title] = ACTIONS.find(([action]) => action === answer);
      this.find(".answers").appendChild(this.button(answer, title));
    }
    this.root.appendChild(this.keys.root);
    this.drawKeys();
  }

  button(action, title) {
    const button = document.createElement("button");
    button.className = action;
    button.type = "button";
    button.innerHTML = `<span>${title}</span><kbd></kbd>`;
    button.onclick = () => this.act(action);
    return button;
  }

  drawKeys() {
    for (const [action] of ACTIONS) {
      for (const kbd of this.root.querySelectorAll(`button.${action} kbd`)) {
        kbd.textContent = this.keys.words(action);
        kbd.parentElement.setAttribute("aria-keyshortcuts", this.keys.of(action));
      }
    }
  }

  find(selector) { return this.root.querySelector(selector); }

  show(selector, shown) { this.find(selector).style.display = shown ? "" : "none"; }

  update(component) {
    this.component = component;
    const { queue_id, pictures, receipt, waiting, film } = component.data;
    this.outbox.take(receipt);
    this.root.dataset.by = receipt.by;
    if (queue_id !== this.queueId) {
      this.queueId = queue_id;
      this.current = null;
    }
    this.pictures = pictures;
    this.waiting = waiting;
    // The picture a person looks at never changes under their finger.
    if (!this.current) this.advance(); else this.draw();
    if (film && film.item_id === this.asking && film.item_id === this.current?.picture_id) {
      this.asking = null;
      this.film.load(film);
      this.film.play(0);
    }
    this.preload();
  }

  // Answered here, but not yet left out of the page's questions.
  unconfirmed() {
    const items = new Map();
    for (const { item, answer } of this.outbox.pending) {
      if (answer === "undo") items.delete(item); else items.set(item, answer);
    }
    return items;
  }

  advance() {
    const answered = this.unconfirmed();
    this.current = null;
    this.marks = new Map();
    for (const picture of this.pictures) {
      if (this.skipped.has(picture.picture_id)) continue;
      const marks = new Map(picture.tasks.filter(({ item_id: item }) => answered.has(item))
        .map(({ task, item_id: item }) => [task, answered.get(item)]));
      if (this.open(picture, marks).length) {
        this.current = picture;
        this.marks = marks;
        break;
      }
    }
    this.leaveFilm();
    this.at = this.firstOpen(0);
    this.draw();
  }

  leaveFilm() {
    this.asking = null;
    this.film.clear();
    this.find(".views").classList.remove("magnified");
  }

  // What follows from the answers given here, by task: [outcome, the task it follows from].
  derived(marks) {
    const found = new Map();
    for (const [task, answer] of marks) {
      for (const [other, outcome] of Object.entries(this.component.data.follows[task]?.[answer] ?? {})) {
        if (!marks.has(other) && !found.has(other)) found.set(other, [outcome, task]);
      }
    }
    return found;
  }

  open(picture, marks) {
    const follows = this.derived(marks);
    return picture.tasks.filter(({ task }) => !marks.has(task) && !follows.has(task));
  }

  firstOpen(from) {
    if (!this.current) return 0;
    const open = new Set(this.open(this.current, this.marks).map(({ task }) => task));
    const { tasks } = this.current;
    const isOpen = ({ task }, index) => index >= from && open.has(task);
    const next = tasks.findIndex(isOpen);
    return next >= 0 ? next : Math.max(0, tasks.findIndex(({ task }) => open.has(task)));
  }

  preload() {
    const wanted = new Map();
    for (const { images } of this.pictures) {
      for (const url of Object.values(images)) {
        let image = this.preloaded.get(url);
        if (!image) { image = new Image(); image.src = url; }
        wanted.set(url, image);
      }
    }
    this.preloaded = wanted;
  }

  draw() {
    const picture = this.current;
    const left = this.waiting - this.unconfirmed().size;
    const skipped = Boolean(this.skipped.size);
    this.show(".empty", !picture && left > 0);
    this.show(".again", skipped);
    this.find(".empty p").textContent = skipped
      ? "Only pictures that you skipped are left." : "Fetching the next pictures…";
    for (const part of [".question", ".picture"]) this.show(part, picture);
    const several = (picture?.tasks.length ?? 0) > 1;
    for (const button of this.root.querySelectorAll(".answers button")) {
      const undoing = button.className === "undo";
      button.disabled = undoing && !this.history.length;
      const offered = button.className !== "none" || several;
      button.style.display = (picture && offered) || (undoing && !button.disabled) ? "" : "none";
    }
    const asked = picture?.tasks[this.at];
    this.root.dataset.item = asked?.item_id ?? "";
    if (!picture) return;
    this.find("h3").textContent = `Success at ${asked.task}?`;
    this.find(".details").textContent = [asked.meaning, picture.details].filter(Boolean).join(" — ");
    this.find(".left").textContent = `${Math.max(left, 1)} to go`;
    this.drawTasks(several || picture.known.length > 0);
    if (this.film.at === null) this.showFrame(picture.images);
  }

  drawTasks(shown) {
    const list = this.find(".tasks");
    list.style.display = shown ? "" : "none";
    this.root.classList.toggle("several", shown);
    const follows = this.derived(this.marks);
    const rows = this.current.tasks.map(({ task }, index) => {
      const said = this.marks.get(task);
      const [outcome, from] = follows.get(task) ?? [];
      const row = this.taskRow(task, said ?? outcome, from && `follows from ${from}`);
      row.firstChild.disabled = Boolean(from);
      row.firstChild.onclick = () => { this.at = index; this.draw(); };
      if (index === this.at) row.firstChild.setAttribute("aria-current", "true");
      return row;
    });
    const known = this.current.known.map(([task, outcome, why]) => {
      const row = this.taskRow(task, outcome, why);
      row.firstChild.disabled = true;
      return row;
    });
    list.replaceChildren(...rows, ...known);
  }

  taskRow(task, outcome, why) {
    const row = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    const name = document.createElement("span");
    name.textContent = task;
    const state = document.createElement("span");
    state.className = "state";
    state.textContent = outcome ? [outcome, why].filter(Boolean).join(", ") : "open";
    button.dataset.outcome = outcome ?? "";
    button.append(name, state);
    row.append(button);
    return row;
  }

  showFrame(images) {
    for (const [camera, image] of Object.entries(this.images)) {
      const url = images[camera];
      image.classList.toggle("unseen", !url); // most steps of a robot's episode lack the side views
      if (url && image.getAttribute("src") !== url) image.src = url;
    }
  }

  play() {
    if (!this.current) return;
    if (this.film.recording) { this.film.toggle(); return; }
    this.asking = this.current.picture_id;
    this.film.clear("Fetching the episode …");
    this.component.setStateValue("open", this.asking);
  }

  look(figure, event) {
    const views = this.find(".views");
    if (figure.classList.contains("large")) {
      views.classList.toggle("magnified");
      this.follow(figure, event);
    } else this.enlarge(figure);
  }

  enlarge(figure) {
    const views = this.find(".views");
    views.classList.remove("magnified");
    for (const each of views.children) each.classList.toggle("large", each === figure);
  }

  follow(figure, { clientX, clientY }) {
    const box = figure.getBoundingClientRect();
    this.pan([(100 * (clientX - box.left)) / box.width, (100 * (clientY - box.top)) / box.height]);
  }

  pan([x, y]) {
    const inside = (share) => Math.max(0, Math.min(100, share));
    this.focus = [inside(x), inside(y)];
    this.find(".views").style.setProperty("--x", `${this.focus[0]}%`);
    this.find(".views").style.setProperty("--y", `${this.focus[1]}%`);
  }

  key(event) {
    const action = this.keys.action(event);
    if (!action || !this.root.isConnected) return;
    event.preventDefault();
    this.act(action);
  }

  act(action) {
    const views = this.find(".views");
    const panned = views.classList.contains("magnified") ? PANNING[action] : null;
    const [x, y] = this.focus ?? [50, 50];
    const figures = [...views.children];
    const large = figures.findIndex((figure) => figure.classList.contains("large"));
    if (panned) this.pan([x + panned[0], y + panned[1]]);
    else if (action === "undo") this.undo();
    else if (action === "keys") this.keys.toggle();
    else if (action === "play") this.play();
    else if (action === "back") this.film.step(-1);
    else if (action === "on") this.film.step(1);
    else if (action === "up") this.move(-1);
    else if (action === "down") this.move(1);
    else if (action === "view") this.enlarge(figures[(large + 1) % figures.length]);
    else if (action === "magnify") { this.pan([x, y]); views.classList.toggle("magnified"); }
    else if (this.current) this.answer(action);
  }

  move(by) {
    if (!this.current) return;
    const follows = this.derived(this.marks);
    const { tasks } = this.current;
    let next = this.at;
    do next += by; while (tasks[next] && follows.has(tasks[next].task));
    if (tasks[next]) this.at = next;
    this.draw();
  }

  answer(answer) {
    const picture = this.current;
    const before = { picture, marks: new Map(this.marks), at: this.at };
    if (answer === "skip") {
      this.skipped.add(picture.picture_id);
      this.history.push({ ...before, labels: [] });
      this.say("Skipped.");
      this.advance();
      this.outbox.flush();
      return;
    }
    const labels = [];
    const mark = ({ task, item_id: item }, outcome) => {
      labels.push([item, this.outbox.add(item, outcome)]);
      this.marks.set(task, outcome);
    };
    const asked = picture.tasks[this.at];
    if (answer === "none") this.markNone(mark); else mark(asked, answer);
    this.history.push({ ...before, labels });
    const follows = [...this.derived(this.marks)].map(([task, [outcome]]) => `${outcome} of ${task}`);
    this.say((answer === "none" ? "Answered failure of all that was open." :
      `Answered ${answer} at ${asked.task}.`) + (follows.length ? ` So also ${listed(follows)}.` : ""));
    if (this.open(picture, this.marks).length) {
      this.at = this.firstOpen(this.at);
      this.draw();
    } else this.advance();
  }

  // Failure of all that is open, first of what the most follows from, so that few labels say it.
  markNone(mark) {
    const settles = ({ task }) =>
      Object.keys(this.component.data.follows[task]?.failure ?? {}).length;
    for (;;) {
      const [widest] = this.open(this.current, this.marks).sort((a, b) => settles(b) - settles(a));
      if (!widest) return;
      mark(widest, "failure");
    }
  }

  undo() {
    const last = this.history.pop();
    if (!last) return;
    const { picture, marks, at, labels } = last;
    this.skipped.delete(picture.picture_id);
    for (const [item, label] of labels) this.outbox.add(item, "undo", label);
    if (this.current !== picture) this.leaveFilm();
    Object.assign(this, { current: picture, marks, at });
    this.say("Took the last answer back.");
    this.draw();
  }

  say(text) { this.find(".said").textContent = text; }

  destroy() {
    document.removeEventListener("keydown", this.onKey);
    this.film.stop();
    this.outbox.close();
    this.root.remove();
  }
}

function listed(words) {
  if (words.length > 3) return `${words.slice(0, 2).join(", ")} and ${words.length - 2} more`;
  return words.join(", ");
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
