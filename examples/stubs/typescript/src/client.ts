/** A producer and a recipient: node client.js RECIPIENTS PRODUCERS, both as host:port of a service in dev mode. */

import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { NotificationClientService, type StreamEvent } from "./gen/notify/v1/client_service_pb.js";
import { NotificationInternalService } from "./gen/notify/v1/internal_service_pb.js";

const TENANT = "demo";
const USER = "node";
const [recipients, producers] = process.argv.slice(2);

const recipient = createClient(NotificationClientService, createGrpcTransport({ baseUrl: `http://${recipients}` }));
const producer = createClient(NotificationInternalService, createGrpcTransport({ baseUrl: `http://${producers}` }));
const as = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
const signedIn = as(`dev:${USER}:${TENANT}`);

const notify = (title: string) =>
  producer.notify({ tenantId: TENANT, notificationId: title, userIds: [USER], title });

/** Read an event and print it. */
async function next(events: AsyncIterator<StreamEvent>): Promise<StreamEvent> {
  const result = await events.next();
  if (result.done) throw new Error("the stream ended");
  const { event, unreadCount } = result.value;
  if (event.case === "heartbeat") console.log("heartbeat");
  if (event.case === "caughtUp") console.log(`caught up unread=${unreadCount}`);
  if (event.case === "notification") {
    const n = event.value.notification;
    console.log(`notification ${n?.title} read=${n?.readAtMs !== 0n} unread=${unreadCount}`);
  }
  return result.value;
}

/** Open a stream, read up to caught_up, then do something; the stream is closed afterwards. */
async function streaming<T>(resumeAfter: string, work: (events: AsyncIterator<StreamEvent>) => Promise<T>): Promise<T> {
  const closing = new AbortController();
  const stream = recipient.streamEvents({ resumeAfter }, { ...signedIn, signal: closing.signal });
  const events = stream[Symbol.asyncIterator]();
  try {
    while ((await next(events)).event.case !== "caughtUp");
    return await work(events);
  } finally {
    closing.abort();
  }
}

/** Read the inbox one by one; the id of the last. */
async function pages(): Promise<string> {
  let [id, cursor] = ["", ""];
  do {
    const page = await recipient.getNotifications({ cursor, limit: 1 }, signedIn);
    for (const n of page.notifications) {
      console.log(`page ${n.title} unread=${page.unreadCount}`);
      id = n.id;
    }
    cursor = page.nextCursor;
  } while (cursor);
  return id;
}

const cursor = await streaming("", async (events) => {
  console.log(`notify delivered=${(await notify("First")).delivered}`);
  return (await next(events)).cursor;
});
// The second is a repeat and changes nothing.
for (let i = 0; i < 2; i++) console.log(`notify duplicates=${(await notify("Second")).duplicates}`);
await streaming(cursor, async (events) => {
  await recipient.ackNotification({ id: await pages() }, signedIn);
  await next(events);
});
await recipient.getNotifications({}, as("guessed")).catch((error: unknown) => {
  console.log("wrong token", Code[ConnectError.from(error).code]);
});
// Idle connections would keep the process alive.
process.exit();
