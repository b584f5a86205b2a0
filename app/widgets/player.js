const players = new WeakMap();
const SVG = "http://www.w3.org/2000/svg";

class Player {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "player";
    this.root.dataset.testid = "goalpost-player";
    this.root.tabIndex = 0;
    this.root.setAttribute("role", "group");
    this.root.setAttribute("aria-label", "Player. Arrow keys step through the frames.");
    parent.appendChild(this.root);
    this.root.addEventListener("keydown", (event) => this.key(event));
  }

  update({ data }) {
    if (JSON.stringify(data.texts) === this.texts && data.episode === this.data?.episode) {
      this.data = { ...data, frames: this.data.frames }; // the same pictures under newer addresses
      return;
    }
    this.texts = JSON.stringify(data.texts);
    this.data = data;
    this.pause();
    this.build();
    this.show(0);
  }

  build() {
    const { cameras, frames, curves } = this.data;
    this.root.innerHTML = '<div class="views"></div><div class="bar">' +
      '<button type="button" class="back" aria-label="One frame back">◀</button>' +
      '<button type="button" class="play"></button>' +
      '<button type="button" class="on" aria-label="One frame on">▶</button>' +
      '<input type="range" min="0" step="1" aria-label="Frame"><span class="at"></span></div>' +
      '<p class="text"></p><div class="curves"></div>';
    this.images = new Map();
    for (const [name, title] of cameras) {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      image.alt = `${title} camera`;
      image.title = title;
      const caption = document.createElement("figcaption");
      caption.textContent = title;
      figure.append(image, caption);
      this.find(".views").appendChild(figure);
      this.images.set(name, image);
    }
    this.find(".views").style.setProperty("--views", cameras.length);
    // Most steps of a robot's episode have one view: it is large, and the others wait below it.
    const sparse = frames.some((frame) => Object.keys(frame).length < cameras.length);
    this.root.classList.toggle("sparse", sparse);
    this.find("input").max = frames.length - 1;
    this.find("input").oninput = (event) => { this.pause(); this.show(Number(event.target.value)); };
    this.find(".back").onclick = () => this.step(-1);
    this.find(".on").onclick = () => this.step(1);
    this.find(".play").onclick = () => this.toggle();
    this.find(".curves").replaceChildren(...curves.map((curve) => this.curve(curve)));
    this.sayPlay();
    for (const frame of frames) for (const url of Object.values(frame)) new Image().src = url;
  }

  curve({ name, unit, values, low, high }) {
    const figure = document.createElement("figure");
    figure.className = "curve";
    const known = values.filter((value) => value !== null);
    const bottom = low ?? Math.min(...known, 0), top = high ?? Math.max(...known, bottom + 1e-9);
    const at = (index) => (values.length < 2 ? 50 : (100 * index) / (values.length - 1));
    const height = (value) => 28 - (26 * (value - bottom)) / (top - bottom || 1);
    const drawing = document.createElementNS(SVG, "svg");
    drawing.setAttribute("viewBox", "0 0 100 30");
    drawing.setAttribute("preserveAspectRatio", "none");
    drawing.setAttribute("aria-hidden", "true");
    const line = document.createElementNS(SVG, "polyline");
    line.setAttribute("points", values.flatMap((value, index) =>
      (value === null ? [] : [`${at(index)},${height(value)}`])).join(" "));
    const cursor = document.createElementNS(SVG, "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", 0);
    cursor.setAttribute("y2", 30);
    drawing.append(line, cursor);
    const caption = document.createElement("figcaption");
    figure.append(caption, drawing);
    figure.showFrame = (index) => {
      const value = values[index] ?? null;
      cursor.setAttribute("x1", at(index));
      cursor.setAttribute("x2", at(index));
      caption.textContent = `${name}: ${value === null ? "–" : value.toFixed(2)} ${unit}`.trim();
    };
    return figure;
  }

  find(selector) { return this.root.querySelector(selector); }

  show(index) {
    const { frames, texts, rate_hz: rate } = this.data;
    this.index = index;
    for (const [name, image] of this.images) {
      const url = frames[index][name];
      image.parentElement.classList.toggle("unseen", !url);
      image.nextSibling.textContent = image.title + (url ? "" : ": not kept of this step");
      if (url && image.getAttribute("src") !== url) image.src = url;
    }
    this.find("input").value = index;
    this.find(".at").textContent =
      `frame ${index + 1} of ${frames.length} · ${(index / rate).toFixed(1)} s`;
    this.find(".text").textContent = texts[index] ?? "";
    for (const curve of this.root.querySelectorAll(".curve")) curve.showFrame(index);
  }

  step(by) {
    this.pause();
    this.show(Math.max(0, Math.min(this.data.frames.length - 1, this.index + by)));
  }

  toggle() {
    if (this.timer) { this.pause(); return; }
    if (this.index === this.data.frames.length - 1) this.show(0);
    this.timer = setInterval(() => {
      if (this.index === this.data.frames.length - 1) this.pause(); else this.show(this.index + 1);
    }, 1000 / this.data.rate_hz);
    this.sayPlay();
  }

  pause() {
    clearInterval(this.timer);
    this.timer = null;
    this.sayPlay();
  }

  sayPlay() {
    const button = this.find(".play");
    if (button) button.textContent = this.timer ? "Pause" : "Play";
  }

  key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!by || event.composedPath()[0].tagName === "INPUT") return;
    event.preventDefault();
    event.stopPropagation();
    this.step(by);
  }

  destroy() { clearInterval(this.timer); this.root.remove(); }
}

export default function (component) {
  const parent = component.parentElement;
  if (!players.has(parent)) players.set(parent, { player: new Player(parent), turn: 0 });
  const entry = players.get(parent);
  const turn = ++entry.turn;
  entry.player.update(component);
  return () => {
    if (entry.turn !== turn) return;
    entry.player.destroy();
    players.delete(parent);
  };
}
