// A recording played as fast as it was taken, or stepped through frame by frame. Who makes one
// shows the frame that `onFrame` is given: the address of each camera's picture.

const LONGEST_STEP_MS = 2000; // a gap in a recording is not sat out
const LOOP_AFTER_MS = 800;

class Film {
  constructor(onFrame, { loop = false } = {}) {
    this.onFrame = onFrame;
    this.loop = loop;
    this.root = document.createElement("div");
    this.root.className = "film";
    this.root.innerHTML =
      '<button type="button" class="back" aria-label="One frame back">◀</button>' +
      '<button type="button" class="play"><span>Play</span> <kbd></kbd></button>' +
      '<button type="button" class="on" aria-label="One frame on">▶</button>' +
      '<input type="range" min="0" step="1" aria-label="Frame"><span class="where"></span>';
    this.find(".back").onclick = () => this.step(-1);
    this.find(".on").onclick = () => this.step(1);
    this.find("input").oninput = (event) => { this.stop(); this.show(Number(event.target.value)); };
    this.clear();
  }

  find(selector) { return this.root.querySelector(selector); }

  clear(words = "") {
    this.stop();
    this.recording = null;
    this.at = null;
    Object.assign(this.find("input"), { max: 0, value: 0, disabled: true });
    this.find(".where").textContent = words;
  }

  load(recording) {
    this.stop();
    this.recording = recording;
    Object.assign(this.find("input"), { max: recording.frames.length - 1, disabled: false });
    for (const frame of recording.frames) for (const url of Object.values(frame)) new Image().src = url;
  }

  play(index) {
    if (!this.recording) return;
    this.stop();
    this.show(index);
    const { at_ms: at } = this.recording;
    const last = index === at.length - 1;
    if (last && !this.loop) return;
    const step = last ? LOOP_AFTER_MS : at[index + 1] - at[index];
    this.find(".play span").textContent = "Pause";
    this.timer = setTimeout(() => this.play(last ? 0 : index + 1), Math.min(step, LONGEST_STEP_MS));
  }

  show(index) {
    const { frames, at_ms: at } = this.recording;
    this.at = index;
    this.onFrame(frames[index]);
    this.find("input").value = index;
    this.find(".where").textContent =
      `frame ${index + 1} of ${frames.length}, ${(at[index] / 1000).toFixed(1)} s`;
  }

  step(by) {
    if (!this.recording) return;
    this.stop();
    const last = this.recording.frames.length - 1;
    this.show(Math.max(0, Math.min(last, (this.at ?? last) + by)));
  }

  toggle() {
    if (this.timer) { this.stop(); return; }
    const ended = this.at === (this.recording?.frames.length ?? 0) - 1;
    this.play(ended ? 0 : this.at ?? 0);
  }

  stop() {
    clearTimeout(this.timer);
    this.timer = null;
    this.find(".play span").textContent = "Play";
  }
}
