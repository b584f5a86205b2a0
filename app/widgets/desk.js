// The recording desk: one huge word and colour that are read from two metres away, and one key,
// the space bar, that starts (after a countdown) and stops.

const SOUNDS = { tick: [660, 0.09], start: [990, 0.3], stop: [520, 0.35], lost: [220, 0.7] };
const COUNTDOWNS_S = [0, 3, 5, 10];
const ANSWER_MS = 15000;

class Desk {
  constructor(parent, ask) {
    this.ask = ask;
    this.root = document.createElement("section");
    this.root.className = "desk";
    this.root.setAttribute("aria-label", "Recording");
    this.root.innerHTML =
      '<div class="sign"><div class="word" role="status"></div><div class="what"></div></div>' +
      '<div class="controls"><button type="button" class="go"><span></span><kbd>Space</kbd></button>' +
      '<div class="choices"><label>Countdown <select></select></label>' +
      '<label><input type="checkbox"> Sound</label></div></div>';
    parent.appendChild(this.root);
    this.phase = null; // counting, starting or stopping: what the page does not know yet
    this.buildChoices();
    this.find(".go").onclick = () => this.toggle();
    this.onKey = (event) => this.key(event);
    // A button that was clicked keeps the focus, and would take the next press of the space bar.
    this.onClick = (event) => {
      if (event.detail > 0) event.composedPath()[0]?.closest?.("button")?.blur();
    };
    document.addEventListener("keydown", this.onKey);
    document.addEventListener("click", this.onClick);
  }

  find(selector) { return this.root.querySelector(selector); }

  buildChoices() {
    const select = this.find("select");
    for (const seconds of COUNTDOWNS_S) {
      select.add(new Option(seconds ? `${seconds} s` : "none", seconds));
    }
    select.value = remembered("countdown", "3");
    select.onchange = () => { remember("countdown", select.value); select.blur(); };
    const sound = this.find("input");
    sound.checked = remembered("sound", "on") === "on";
    sound.onchange = () => { remember("sound", sound.checked ? "on" : "off"); sound.blur(); };
  }

  key(event) {
    if (event.code !== "Space" || event.repeat || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const target = event.composedPath()[0];
    // Not links: the space bar opens none, and the one that led here still has the focus.
    const control = target?.closest?.("button, input, select, textarea, [role=option]");
    // A list keeps the focus once something was chosen, and a space would only empty it.
    const isClosedList = control?.matches('[role=combobox][aria-expanded="false"]');
    if (control && control !== this.find(".go") && !isClosedList) return;
    if (target?.isContentEditable || document.querySelector('[role="dialog"]')) return;
    event.preventDefault();
    this.toggle();
  }

  toggle() {
    if (this.phase === "counting") this.endPhase();
    else if (this.phase === null && this.state === "recording") this.send("stop", "stopping");
    else if (this.phase === null && this.state === "live" && this.data.ready) this.count();
    this.draw();
  }

  count() {
    this.left = Number(this.find("select").value);
    this.phase = "counting";
    const step = () => {
      if (this.left === 0) { this.sound("start"); this.send("start", "starting"); return; }
      this.sound("tick");
      this.draw();
      this.left -= 1;
      this.timer = setTimeout(step, 1000);
    };
    step();
  }

  send(what, phase) {
    clearTimeout(this.timer);
    this.phase = phase;
    this.draw();
    this.ask(what);
    this.timer = setTimeout(() => this.endPhase(), ANSWER_MS); // the page will have said why
  }

  endPhase() {
    clearTimeout(this.timer);
    this.phase = null;
    this.draw();
  }

  // What to record next, as the page knows it; a page that ran again has answered what was asked.
  update(data) {
    this.data = data;
    this.root.hidden = !data;
    if (this.phase === "counting" && !data?.ready) this.endPhase();
    if (this.phase === "starting" && this.answered !== data?.answered) this.endPhase();
    this.answered = data?.answered;
    this.draw();
  }

  // What the cameras and the host do, as the preview knows it; `away` while the app does not answer,
  // without which a host goes on with what it records.
  show(state, recording, elapsed, away) {
    const before = this.state;
    this.away = away;
    this.state = state;
    this.recording = recording;
    this.elapsed = elapsed;
    if (state === "recording" && this.phase === "starting") this.endPhase();
    if (before === "recording" && state === "live") this.sound("stop");
    if (before === "recording" && state !== "recording" && this.phase === "stopping") {
      this.endPhase();
    }
    if (before && before !== "silent" && state === "silent") this.sound("lost");
    if (state === "silent" && this.phase === "counting") this.endPhase();
    this.draw();
  }

  draw() {
    if (!this.data) return;
    const [look, word, what, button] = this.words();
    this.root.dataset.look = look;
    setText(this.find(".word"), word);
    setText(this.find(".what"), what);
    setText(this.find(".go span"), button);
    this.find(".go").disabled = !(this.phase === "counting" || (this.phase === null &&
      (this.state === "recording" || (this.state === "live" && this.data.ready))));
  }

  words() {
    const { task, outcome, scene_used: used } = this.data;
    const shown = `${outcome} of ${task}`;
    const start = `Record ${outcome}`;
    if (this.phase === "counting") return ["counting", String(this.left || 1), shown, "Cancel"];
    if (this.phase === "starting") return ["busy", "Starting", shown, start];
    if (this.phase === "stopping") return ["busy", "Saving", shown, "Stop"];
    if (this.state === "recording") {
      const { outcome: now, task: of } = this.recording;
      const known = now && of ? `${now} of ${of}` : shown;
      return ["recording", `Recording ${this.elapsed}`, known, "Stop"];
    }
    if (this.away && this.recording) return ["fault", "No picture", "The recording goes on", start];
    if (this.state === "silent") return ["fault", "No picture", "Nothing can be recorded", start];
    if (this.state !== "live") return ["busy", "Wait", "The cameras are starting", start];
    if (!this.data.ready) return ["fault", "Not ready", "The page below says why", start];
    return ["ready", "Ready", used ? `Change the scene, then show ${shown}` : `Show ${shown}`, start];
  }

  sound(name) {
    if (!this.find("input").checked) return;
    const [pitch_hz, length_s] = SOUNDS[name];
    try {
      this.audio ??= new AudioContext();
      const tone = this.audio.createOscillator();
      const volume = this.audio.createGain();
      volume.gain.setValueAtTime(0.2, this.audio.currentTime);
      volume.gain.exponentialRampToValueAtTime(0.001, this.audio.currentTime + length_s);
      tone.frequency.value = pitch_hz;
      tone.connect(volume).connect(this.audio.destination);
      tone.start();
      tone.stop(this.audio.currentTime + length_s);
    } catch { /* a browser without sound still records */ }
  }

  destroy() {
    clearTimeout(this.timer);
    document.removeEventListener("keydown", this.onKey);
    document.removeEventListener("click", this.onClick);
    this.audio?.close();
    this.root.remove();
  }
}

function setText(element, text) { if (element.textContent !== text) element.textContent = text; }

function remembered(name, otherwise) {
  try { return localStorage.getItem(`goalpost-desk-${name}`) ?? otherwise; } catch { return otherwise; }
}

function remember(name, value) {
  try { localStorage.setItem(`goalpost-desk-${name}`, value); } catch { /* for this visit then */ }
}
