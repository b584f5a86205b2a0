// A person points at the same thing in every view, by mouse, finger or arrow keys, or says that it
// is not to be seen there. Once every view has an answer, all of them are sent together.

const pointings = new WeakMap();
const STEP = 0.01;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

class Pointing {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "views";
    this.root.dataset.testid = "goalpost-pointing";
    parent.appendChild(this.root);
    this.picture = null;
  }

  update(component) {
    this.component = component;
    const { picture, views, given, at } = component.data;
    if (picture === this.picture) return;
    this.picture = picture;
    this.root.dataset.picture = picture;
    this.positions = { ...given };
    this.root.replaceChildren(...views.map((view) => this.view(view, at)));
    this.show();
  }

  view([camera, title, url], at) {
    const figure = document.createElement("figure");
    figure.dataset.camera = camera;
    figure.innerHTML = '<div class="picture" tabindex="0" role="button"><img alt="" draggable="false">' +
      '<span class="cross" hidden></span></div><figcaption><span></span>' +
      '<button type="button">Not to be seen</button></figcaption>';
    const picture = figure.querySelector(".picture");
    picture.setAttribute("aria-label", `${title}: point at ${at}; arrow keys move, Enter confirms`);
    figure.querySelector("img").src = url;
    figure.querySelector("figcaption span").textContent = title;
    picture.onclick = (event) => {
      const box = picture.getBoundingClientRect();
      const place = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
      this.say(camera, place);
    };
    picture.onkeydown = (event) => this.steer(camera, event);
    const unseen = figure.querySelector("button");
    unseen.setAttribute("aria-label", `${title}: not to be seen`);
    unseen.onclick = () => this.say(camera, null);
    return figure;
  }

  // Arrow keys move the cross from the middle, Enter and the space bar let it stand.
  steer(camera, event) {
    const moving = this.moving?.camera === camera ? this.moving.place : null;
    const place = moving ?? this.positions[camera] ?? [0.5, 0.5];
    if (event.key in ARROWS) {
      const [x, y] = ARROWS[event.key];
      const far = event.shiftKey ? 5 * STEP : STEP;
      this.moving = { camera, place: [clamp(place[0] + x * far), clamp(place[1] + y * far)] };
      this.show();
    } else if (event.key === "Enter" || event.key === " ") {
      this.say(camera, place);
    } else return;
    event.preventDefault();
  }

  say(camera, place) {
    this.moving = null;
    this.positions[camera] = place;
    this.show();
    const figures = [...this.root.children];
    const open = figures.find((each) => !(each.dataset.camera in this.positions));
    if (open) { open.querySelector(".picture").focus({ preventScroll: true }); return; }
    this.component.setTriggerValue("pointed", { picture: this.picture, positions: this.positions });
  }

  show() {
    for (const figure of this.root.children) {
      const { camera } = figure.dataset;
      const said = camera in this.positions;
      const place = this.moving?.camera === camera ? this.moving.place : this.positions[camera];
      const picture = figure.querySelector(".picture");
      picture.classList.toggle("answered", said);
      picture.classList.toggle("unseen", said && place === null);
      figure.querySelector("button").setAttribute("aria-pressed", String(said && place === null));
      const cross = figure.querySelector(".cross");
      cross.hidden = !place;
      if (place) { cross.style.left = `${100 * place[0]}%`; cross.style.top = `${100 * place[1]}%`; }
    }
  }
}

function clamp(share) {
  return Math.min(1, Math.max(0, share));
}

export default function (component) {
  const parent = component.parentElement;
  if (!pointings.has(parent)) pointings.set(parent, new Pointing(parent));
  pointings.get(parent).update(component);
}
