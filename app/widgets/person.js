// Remembers the reader's name in this browser, so that a reload does not ask for it again.
const KEY = "goalpost-name";
let asked = false;

export default function ({ data, setStateValue }) {
  try {
    const known = localStorage.getItem(KEY) ?? "";
    if (!asked && !data.name && known) {
      asked = true;
      setStateValue("known", known);
      return;
    }
    asked = true;
    if (data.name !== known) localStorage.setItem(KEY, data.name);
  } catch { /* a browser that keeps nothing asks again */ }
}
