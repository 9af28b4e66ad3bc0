/** The page. Texts come from producers and are never taken as HTML. */

import type { Notification } from "./gen/notify/v1/notification_pb";
import { isRead, type Inbox } from "./inbox";
import type { State } from "./live";

const STATES: Record<State, string> = {
  connecting: "Connecting…",
  live: "Live",
  waiting: "Connection lost, trying again…",
  "signed-out": "Signed out",
  off: "Live updates are off",
};

export interface Actions {
  read: (id: string) => Promise<void>;
  readAll: () => Promise<void>;
  older: () => Promise<void>;
  /** The user wants another name or token. */
  switchUser: () => void;
  signIn: (input: string) => void;
}

function element<E extends HTMLElement>(id: string): E {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element #${id}`);
  return found as E;
}

export class View {
  readonly #list = element("list");
  readonly #unread = element("unread");
  readonly #connection = element("connection");
  readonly #markAll = element<HTMLButtonElement>("mark-all");
  readonly #older = element<HTMLButtonElement>("older");
  readonly #user = element<HTMLButtonElement>("user");
  readonly #failure = element("failure");
  readonly #dialog = element<HTMLDialogElement>("sign-in");
  readonly #credential = element<HTMLInputElement>("credential");
  readonly #rows = new Map<string, { row: HTMLLIElement; shown: Notification }>();
  readonly #actions: Actions;
  #mustSignIn = false;

  constructor(actions: Actions) {
    this.#actions = actions;
    this.#markAll.addEventListener("click", () => void this.#during(this.#markAll, actions.readAll()));
    this.#older.addEventListener("click", () => void this.#during(this.#older, actions.older()));
    this.#user.addEventListener("click", () => actions.switchUser());
    this.#dialog.addEventListener("close", () => {
      const input = this.#credential.value.trim();
      if (input) actions.signIn(input);
      else if (this.#mustSignIn) this.#dialog.showModal();
    });
  }

  show(inbox: Inbox): void {
    const rows = inbox.items.map((n) => this.#row(n, inbox.arrived.has(n.id)));
    // Only what moved is touched: focus and animations stay.
    rows.forEach((row, at) => {
      if (this.#list.children[at] !== row) this.#list.insertBefore(row, this.#list.children[at] ?? null);
    });
    while (this.#list.children.length > rows.length) this.#list.lastElementChild?.remove();
    element("empty").hidden = inbox.items.length > 0 || inbox.nextPage !== "";
    this.#older.hidden = !inbox.nextPage;
    this.#showUnread(inbox.unread);
  }

  showState(state: State): void {
    this.#connection.dataset["state"] = state;
    this.#connection.textContent = STATES[state];
  }

  showUser(user: string): void {
    this.#user.hidden = user === "";
    this.#user.textContent = user.slice(0, 1).toUpperCase();
    this.#user.setAttribute("aria-label", `Signed in as ${user}. Sign in as somebody else`);
  }

  showFailure(text: string): void {
    this.#failure.textContent = text;
    this.#failure.hidden = text === "";
  }

  /** The times say how long ago; a minute later they are wrong. */
  refreshTimes(): void {
    for (const { row, shown } of this.#rows.values()) {
      const time = row.querySelector("time");
      if (time) time.textContent = ago(Number(shown.createdAtMs));
    }
  }

  /** Ask for a name or token; unless `must`, the user may leave it as it is. */
  askWho(why: string, { must }: { must: boolean }): void {
    this.#mustSignIn = must;
    element("sign-in-why").textContent = why;
    this.#credential.value = "";
    if (!this.#dialog.open) this.#dialog.showModal();
  }

  async #during(button: HTMLButtonElement, work: Promise<void>): Promise<void> {
    button.inert = true;
    await work;
    button.inert = false;
  }

  #showUnread(unread: number): void {
    this.#unread.hidden = unread === 0;
    this.#unread.textContent = unread > 99 ? "99+" : String(unread);
    this.#unread.parentElement?.setAttribute("aria-label", `${unread || "No"} unread notifications`);
    this.#markAll.disabled = unread === 0;
    document.title = unread ? `(${unread}) Inbox` : "Inbox";
  }

  #row(n: Notification, arrived: boolean): HTMLLIElement {
    const known = this.#rows.get(n.id);
    if (known?.shown === n) return known.row;
    const row = known?.row ?? document.createElement("li");
    row.dataset["id"] = n.id;
    row.classList.toggle("unread", !isRead(n));
    row.classList.toggle("arrived", arrived);
    const kind = n.subjectType || "note";
    const mark = text("span", kind.slice(0, 1).toUpperCase(), "mark");
    mark.style.setProperty("--hue", String(hue(kind)));
    mark.title = kind;
    const body = document.createElement("div");
    body.append(text("h2", n.title), text("p", n.body), this.#footer(n));
    row.replaceChildren(mark, body, ...(isRead(n) ? [] : [this.#readButton(n)]));
    this.#rows.set(n.id, { row, shown: n });
    return row;
  }

  #footer(n: Notification): HTMLElement {
    const when = document.createElement("time");
    const at = new Date(Number(n.createdAtMs));
    when.dateTime = at.toISOString();
    when.title = at.toLocaleString();
    when.textContent = ago(at.getTime());
    return when;
  }

  #readButton(n: Notification): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "read";
    button.title = "Mark read";
    button.setAttribute("aria-label", `Mark “${n.title}” read`);
    button.addEventListener("click", () => void this.#during(button, this.#actions.read(n.id)));
    return button;
  }
}

function text(tag: string, content: string, className = ""): HTMLElement {
  const made = document.createElement(tag);
  made.textContent = content;
  made.className = className;
  return made;
}

function hue(word: string): number {
  let sum = 0;
  for (const character of word) sum = (sum * 31 + (character.codePointAt(0) ?? 0)) % 360;
  return sum;
}

const RELATIVE = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const UNITS: [Intl.RelativeTimeFormatUnit, number][] = [["day", 86_400], ["hour", 3_600], ["minute", 60]];

function ago(ms: number): string {
  const seconds = (Date.now() - ms) / 1_000;
  const found = UNITS.find(([, length]) => seconds >= length);
  return found ? RELATIVE.format(-Math.floor(seconds / found[1]), found[0]) : "just now";
}
