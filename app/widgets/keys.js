// The keys of a widget: shown, changeable, and kept in this browser under the widget's name.

const KEYS_OF_THE_PAGE = ["r", "c", "escape", "enter", "tab", "shift", " "];
const KEY_WORDS = { arrowleft: "←", arrowright: "→", arrowup: "↑", arrowdown: "↓", " ": "Space" };

class Keys {
  // actions: [[action, key, title], ...]; onchange: called when a key has changed.
  constructor(name, actions, onchange) {
    this.store = `goalpost-keys-${name}`;
    this.actions = actions;
    this.onchange = onchange;
    this.changing = null;
    this.root = document.createElement("section");
    this.root.className = "keys";
    this.root.setAttribute("aria-label", "Keys");
    this.root.hidden = true;
    this.chosen = {};
    try { this.chosen = JSON.parse(localStorage.getItem(this.store)) ?? {}; } catch { /* the usual ones */ }
  }

  of(action) {
    return this.chosen[action] ?? this.actions.find(([name]) => name === action)?.[1];
  }

  words(action) {
    const key = this.of(action);
    return KEY_WORDS[key] ?? key.toUpperCase();
  }

  // The action that this press asks for; none while keys are being changed or something is typed.
  action(event) {
    if (this.changing) { this.change(event); return null; }
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return null;
    const key = event.key.toLowerCase();
    return this.actions.find(([name]) => this.of(name) === key)?.[0] ?? null;
  }

  toggle() {
    this.root.hidden = !this.root.hidden;
    this.changing = null;
    this.draw();
    if (!this.root.hidden) this.root.querySelector("button").focus();
  }

  change(event) {
    const key = event.key.toLowerCase();
    event.preventDefault();
    event.stopPropagation();
    const action = this.changing;
    if (key === "shift") return;
    this.changing = null;
    const taken = this.actions.find(([name]) => name !== action && this.of(name) === key);
    let said = "";
    if (key === "escape") said = "Nothing changed.";
    else if (KEYS_OF_THE_PAGE.includes(key)) said = "The browser and the page need that key.";
    else if (taken) said = `That key is for “${taken[2]}” already.`;
    else this.choose({ ...this.chosen, [action]: key });
    this.draw(said);
    this.root.querySelector(`[data-action="${action}"]`).focus();
  }

  choose(chosen) {
    this.chosen = chosen;
    try { localStorage.setItem(this.store, JSON.stringify(chosen)); } catch { /* for this visit then */ }
    this.onchange();
  }

  draw(said = "") {
    const title = document.createElement("h4");
    title.textContent = "Keys";
    const list = document.createElement("ul");
    for (const [action, , words] of this.actions) {
      const row = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = words;
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.action = action;
      const changing = this.changing === action;
      button.textContent = changing ? "Press a key …" : this.words(action);
      button.setAttribute("aria-label", changing
        ? `Press the new key for ${words}` : `${words}: ${this.words(action)}. Change it`);
      button.onclick = () => { this.changing = action; this.draw(); this.root.querySelector(`[data-action="${action}"]`).focus(); };
      row.append(name, button);
      list.append(row);
    }
    const usual = document.createElement("button");
    usual.type = "button";
    usual.textContent = "Back to the usual keys";
    usual.onclick = () => { this.choose({}); this.draw(); };
    const told = document.createElement("p");
    told.setAttribute("role", "status");
    told.textContent = said || "Press a key's button to change it. Kept in this browser.";
    this.root.replaceChildren(title, list, usual, told);
  }
}
