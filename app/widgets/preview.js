// Shows the newest frame only. A message is acknowledged when its pictures are on the screen, so a
// slow browser is sent fewer, never older, frames.

const previews = new WeakMap();
const RETRY_MS = [300, 1000, 2000, 4000];
const REPORT_MS = 2000;

class Preview {
  constructor(parent) {
    this.root = document.createElement("div");
    this.root.className = "preview";
    this.root.dataset.testid = "goalpost-preview";
    this.root.dataset.shown = "0";
    parent.appendChild(this.root);
    this.desk = new Desk(this.root, (what) => {
      this.component.setStateValue("asked", { n: Date.now(), what });
    });
    this.body = document.createElement("div");
    this.root.appendChild(this.body);
    this.failures = 0;
    this.opened = false;
    this.header = null;
    this.onVisibility = () => (document.hidden ? this.close() : this.open());
    document.addEventListener("visibilitychange", this.onVisibility);
  }

  update(component) {
    this.component = component;
    const { url, cameras } = component.data;
    if (!this.images) this.build(cameras);
    const changed = url !== this.url;
    this.url = url;
    if (!this.socket || (changed && !this.opened)) this.open();
    this.desk.update(component.data.desk);
    for (const figure of this.root.querySelectorAll("figure")) {
      const pointing = figure.dataset.camera === component.data.pointing;
      figure.classList.toggle("pointing", pointing);
      figure.querySelector("figcaption").textContent =
        figure.dataset.title + (pointing ? ": click where it shall lie" : "");
    }
    this.reportChange();
  }

  build(cameras) {
    this.body.innerHTML = '<div class="views"></div><div class="line" role="status">' +
      '<span class="badge"></span><span class="figure-label details"></span></div>';
    this.images = {};
    for (const [name, title] of cameras) {
      const figure = document.createElement("figure");
      const image = document.createElement("img");
      const caption = document.createElement("figcaption");
      image.alt = "";
      caption.textContent = title;
      figure.append(image, caption);
      figure.dataset.camera = name;
      figure.dataset.title = title;
      figure.onclick = (event) => this.point(name, image, event);
      this.root.querySelector(".views").appendChild(figure);
      this.images[name] = image;
    }
    this.say();
  }

  open() {
    this.close();
    if (document.hidden || !this.url) return;
    const socket = new WebSocket(location.origin.replace(/^http/, "ws") + this.url);
    socket.binaryType = "arraybuffer";
    this.socket = socket;
    socket.onopen = () => { this.opened = true; this.failures = 0; };
    socket.onmessage = async (event) => {
      await this.show(event.data);
      if (socket.readyState === WebSocket.OPEN) socket.send("shown");
    };
    socket.onclose = () => {
      if (this.socket !== socket) return;
      // A refused connection never opens: the address has expired, so ask the page for a new one.
      if (!this.opened && this.failures > 0) this.component.setTriggerValue("changed", "address");
      this.opened = false;
      this.lostAt ??= Date.now();
      const wait = RETRY_MS[Math.min(this.failures, RETRY_MS.length - 1)];
      this.failures += 1;
      this.retry = setTimeout(() => this.open(), wait);
      this.say();
    };
  }

  close() {
    clearTimeout(this.retry);
    const socket = this.socket;
    this.socket = null;
    this.opened = false;
    if (socket) socket.close();
  }

  async show(buffer) {
    const size = new DataView(buffer).getUint32(0);
    const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
    let offset = 4 + size;
    const drawn = [];
    for (const [camera, bytes] of header.cameras) {
      drawn.push(this.draw(camera, new Blob([new Uint8Array(buffer, offset, bytes)],
        { type: "image/jpeg" })));
      offset += bytes;
    }
    await Promise.all(drawn);
    if (drawn.length) this.root.dataset.shown = String(Number(this.root.dataset.shown) + 1);
    this.header = header;
    this.receivedAt = Date.now();
    this.lostAt = null;
    this.reportChange();
    this.say();
  }

  async draw(camera, blob) {
    const image = this.images[camera];
    if (!image) return;
    const before = image.src;
    image.src = URL.createObjectURL(blob);
    try { await image.decode(); } catch (error) { /* replaced by a newer frame meanwhile */ }
    if (before.startsWith("blob:")) URL.revokeObjectURL(before);
  }

  // Another tab, or the host, began or ended a recording, or a camera failed: have the page run
  // again. What this page did itself it learns in a moment, so wait before interrupting it.
  reportChange() {
    if (!this.header) return;
    const { recording, broken } = this.component.data;
    const seen = this.header.recording?.recording_id ?? null;
    const failed = Object.keys(this.header.camera_errors);
    if (seen === recording && failed.sort().join() === [...broken].sort().join()) {
      clearTimeout(this.reporting);
      this.reporting = null;
    } else if (!this.reporting) {
      this.reporting = setTimeout(() => {
        this.reporting = null;
        this.component.setTriggerValue("changed", [seen ?? "idle", ...failed].join(" "));
      }, REPORT_MS);
    }
  }

  point(camera, image, { clientX, clientY }) {
    if (camera !== this.component.data.pointing) return;
    const box = image.getBoundingClientRect();
    const place = { x: (clientX - box.left) / box.width, y: (clientY - box.top) / box.height };
    this.component.setStateValue("pointed", { n: Date.now(), ...place });
  }

  ageSeconds() {
    if (this.lostAt) return (Date.now() - this.lostAt) / 1000;
    if (this.header?.problem == null) return null;
    return (this.header.silent_for_s ?? 0) + (Date.now() - this.receivedAt) / 1000;
  }

  say() {
    clearTimeout(this.ticking);
    const age = this.ageSeconds();
    const recording = this.header?.recording;
    let state = "waiting", badge = "Waiting for the cameras…", details = "", clock = "";
    if (age !== null) {
      state = "silent";
      const known = this.header && this.root.dataset.shown !== "0";
      badge = known ? `Picture is ${Math.round(age)} s old` : "No picture";
      const failed = Object.keys(this.header?.camera_errors ?? {});
      details = this.lostAt ? "Reconnecting to Goalpost…"
        : failed.length ? "The page below says why." : this.header.problem;
    } else if (recording) {
      state = "recording";
      const since = (Date.now() - this.receivedAt) / 1000;
      const elapsed = Math.floor(recording.elapsed_s + since);
      clock = `${Math.floor(elapsed / 60)}:${String(elapsed % 60).padStart(2, "0")}`;
      badge = `Recording ${clock}`;
      details = recordingDetails(recording);
    } else if (this.header && this.root.dataset.shown !== "0") {
      state = "live";
      badge = "Live";
    }
    this.root.className = `preview ${state}`;
    const badgeElement = this.root.querySelector(".badge");
    if (badgeElement.textContent !== badge) badgeElement.textContent = badge;
    this.root.querySelector(".details").textContent = details;
    this.desk.show(state, recording, clock, Boolean(this.lostAt));
    if (state === "silent" || state === "recording") {
      this.ticking = setTimeout(() => this.say(), 500);
    }
  }

  destroy() {
    document.removeEventListener("visibilitychange", this.onVisibility);
    clearTimeout(this.ticking);
    clearTimeout(this.reporting);
    this.close();
    this.desk.destroy();
    this.root.remove();
  }
}

function recordingDetails(recording) {
  const parts = [`${recording.frame_count} frames`];
  if (recording.interval_ms != null) {
    parts.push(`one every ${Math.round(recording.interval_ms)} ms`);
  }
  parts.push(recording.dropped_frames === 0 ? "none missed" : `${recording.dropped_frames} missed`);
  return parts.join(" · ");
}

export default function (component) {
  const parent = component.parentElement;
  if (!previews.has(parent)) previews.set(parent, { preview: new Preview(parent), turn: 0 });
  const entry = previews.get(parent);
  const turn = ++entry.turn;
  entry.preview.update(component);
  // Streamlit calls this function again for new data; only the last call's cleanup may end it.
  return () => {
    if (entry.turn !== turn) return;
    entry.preview.destroy();
    previews.delete(parent);
  };
}
