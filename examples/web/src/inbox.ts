/** What this tab knows of the inbox. Only what the service says changes it, so all tabs show the same. */

import type { GetNotificationsResponse, StreamEvent } from "./gen/notify/v1/client_service_pb";
import type { Notification } from "./gen/notify/v1/notification_pb";

const CURSOR = "notify.cursor";

export const isRead = (n: Notification): boolean => n.readAtMs !== 0n;

export class Inbox {
  /** Newest first. */
  items: Notification[] = [];
  /** Ids of what arrived while we looked. */
  readonly arrived = new Set<string>();
  unread = 0;
  /** Where the next page begins: "" when there is none, undefined before the first is read. */
  nextPage: string | undefined;
  #counts = 0;
  #pages = 0;

  /** Where the stream goes on, kept for this tab. */
  get cursor(): string {
    return sessionStorage.getItem(CURSOR) ?? "";
  }

  /** Everything before is forgotten: another user, or an inbox made anew. */
  clear({ keepCursor }: { keepCursor: boolean }): void {
    this.items = [];
    this.arrived.clear();
    this.unread = 0;
    this.nextPage = undefined;
    this.#pages += 1;
    if (!keepCursor) sessionStorage.removeItem(CURSOR);
  }

  /** Take an event. Whether the inbox has to be read anew. */
  take({ event, cursor, unreadCount }: StreamEvent): boolean {
    if (event.case === "resync") this.clear({ keepCursor: true });
    if (event.case === "notification" && event.value.notification) this.#takeLive(event.value.notification);
    if (event.case !== undefined && COUNTING.has(event.case)) this.#count(Number(unreadCount));
    if (cursor) sessionStorage.setItem(CURSOR, cursor);
    return event.case === "resync";
  }

  /** Ask for a page; what it says about the count is old news if an event came in the meantime. */
  async page(read: (cursor: string) => Promise<GetNotificationsResponse>): Promise<void> {
    const [counts, pages] = [this.#counts, this.#pages];
    const page = await read(this.nextPage ?? "");
    if (this.#pages !== pages) return; // Cleared, or read twice at the same time.
    this.#pages += 1;
    this.nextPage = page.nextCursor;
    for (const notification of page.notifications) this.#put(notification);
    if (this.#counts === counts) this.#count(page.unreadCount);
  }

  #takeLive(notification: Notification): void {
    const known = this.items.some((n) => n.id === notification.id);
    const oldest = this.items.at(-1);
    const within = oldest === undefined || newestFirst(notification, oldest) < 0;
    // What is older than the pages read so far comes with its page.
    if (!known && this.nextPage !== "" && !within) return;
    if (!known && !isRead(notification)) this.arrived.add(notification.id);
    this.#put(notification);
  }

  #put(notification: Notification): void {
    const at = this.items.findIndex((n) => n.id === notification.id);
    const known = this.items[at];
    if (known === undefined) this.items.push(notification);
    else if (!isRead(known) || isRead(notification)) this.items[at] = notification; // A read one stays read.
    this.items.sort(newestFirst);
  }

  #count(unread: number): void {
    this.#counts += 1;
    this.unread = unread;
  }
}

/** Kinds of events that carry the number of unread; the first heartbeat has it too, but so has what follows it. */
const COUNTING = new Set<string>(["notification", "caughtUp", "resync"]);

function newestFirst(a: Notification, b: Notification): number {
  if (a.createdAtMs !== b.createdAtMs) return a.createdAtMs > b.createdAtMs ? -1 : 1;
  return a.id > b.id ? -1 : a.id < b.id ? 1 : 0;
}
