// Tells a lost connection in words that help. Streamlit's own ask for the internet, in a dialog that
// blocks the page; behind ours a person goes on labelling, and the browser keeps the answers.

const PATIENCE_MS = 1500; // a connection that comes back at once is not worth a word
const BACK_MS = 4000;
const STATE = "data-test-connection-state";

class Connection {
  constructor() {
    this.notice = document.createElement("section");
    this.notice.className = "goalpost-connection";
    this.notice.hidden = true;
    this.notice.setAttribute("role", "alert");
    document.body.appendChild(this.notice);
    this.states = new MutationObserver(() => this.look());
    this.states.observe(document.body, { subtree: true, attributeFilter: [STATE] });
    this.dialogs = new MutationObserver(() => closeStreamlitsDialog());
    this.look(); // it may have been lost while this page was loading
  }

  look() {
    const lost = document.querySelector(`[${STATE}]`)?.getAttribute(STATE) !== "CONNECTED";
    if (lost === Boolean(this.lostAt)) return;
    clearTimeout(this.timer);
    if (lost) {
      this.lostAt = Date.now();
      this.dialogs.observe(document.body, { subtree: true, childList: true });
      closeStreamlitsDialog();
      this.timer = setTimeout(() => this.tellAway(), PATIENCE_MS);
    } else {
      this.lostAt = null;
      this.dialogs.disconnect();
      if (!this.notice.hidden) this.tellBack();
    }
  }

  tellAway() {
    const since = new Date(this.lostAt).toISOString().slice(11, 16);
    this.tell("away", `Goalpost has not answered since ${since} UTC.`,
      "Its server was stopped, or the connection to it is lost. What was recorded and labelled is " +
      "safe, a recording under way goes on by itself, and answers on Label and Review wait in this " +
      "browser.",
      "What to do: wait, this page goes on as soon as Goalpost is back. If it stays away, start it " +
      "again on its computer with “make run” or “goalpost up”, and leave this page open.");
  }

  tellBack() {
    this.tell("back", "Goalpost is back.", "The page goes on where it was.");
    this.timer = setTimeout(() => { this.notice.hidden = true; }, BACK_MS);
  }

  tell(look, title, ...lines) {
    const heading = document.createElement("strong");
    heading.textContent = title;
    const rows = lines.map((line) => {
      const row = document.createElement("p");
      row.textContent = line;
      return row;
    });
    this.notice.dataset.look = look;
    this.notice.replaceChildren(heading, ...rows);
    this.notice.hidden = false;
  }

  end() {
    clearTimeout(this.timer);
    this.states.disconnect();
    this.dialogs.disconnect();
    this.notice.remove();
  }
}

// Closed as a person would, so that Streamlit leaves it closed until the connection is back.
function closeStreamlitsDialog() {
  for (const dialog of document.querySelectorAll('[role="dialog"]')) {
    if (!dialog.textContent.startsWith("Connection error")) continue;
    dialog.querySelector('button[aria-label="Close"]')?.click();
  }
}

let connection = null;
let turn = 0;

export default function () {
  connection ??= new Connection();
  const mine = ++turn;
  // Streamlit calls this function again for new data; only the last call's cleanup may end it.
  return () => {
    if (turn !== mine) return;
    connection.end();
    connection = null;
  };
}
