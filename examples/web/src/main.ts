/** Joins the parts: who is signed in, what the service says, what the page shows. */

import { Code, ConnectError } from "@connectrpc/connect";
import { Credentials, identityOf, tokenFrom } from "./credentials";
import { Inbox } from "./inbox";
import { stayLive, type State } from "./live";
import { connect } from "./service";
import { View } from "./view";

interface Config {
  /** Where the front proxy listens. */
  api: string;
  /** Where this browser's login gives out tokens: POST, answered with the token as text, or 401. */
  tokenUrl?: string;
}

const PAGE_SIZE = 20;
const ENDED = "Your sign-in has ended. Sign in again to go on where you were.";

const config = (await (await fetch("config.json")).json()) as Config;
const credentials = new Credentials(config.tokenUrl);
const service = connect(config.api, credentials);
const inbox = new Inbox();
let running = new AbortController();

const view = new View({
  read: (id) => attempt(() => service.ackNotification({ id })),
  readAll: () => attempt(() => service.markAllRead({})),
  older: () => attempt(readPage),
  switchUser: () => view.askWho("Who are you now?", { must: false }),
  signIn,
});

/** Do what the user asked for; the page says so when it fails. What has changed comes by the stream. */
async function attempt(work: () => Promise<unknown>): Promise<void> {
  view.showFailure("");
  try {
    await work();
  } catch (error) {
    const { code } = ConnectError.from(error);
    if (code === Code.Unauthenticated) view.askWho(ENDED, { must: true });
    else view.showFailure("That did not work. Please try again.");
  }
}

async function readPage(): Promise<void> {
  await inbox.page((cursor) => service.getNotifications({ cursor, limit: PAGE_SIZE }));
  view.show(inbox);
}

function onState(state: State): void {
  view.showState(state);
  if (state === "signed-out") view.askWho(ENDED, { must: true });
  // The stream is open first, so nothing can happen unseen between the page and the stream.
  else if ((state === "live" || state === "off") && inbox.nextPage === undefined) void attempt(readPage);
}

function signIn(input: string): void {
  const token = tokenFrom(input);
  const [before, now] = [credentials.identity, identityOf(token)];
  const same = before.user === now.user && before.tenant === now.tenant;
  credentials.use(token);
  if (!same) inbox.clear({ keepCursor: false });
  start();
}

function start(): void {
  running.abort();
  running = new AbortController();
  view.showFailure("");
  view.showUser(credentials.identity.user);
  view.show(inbox);
  void stayLive(
    {
      client: service,
      cursor: () => inbox.cursor,
      onEvent: (event) => {
        const { event: kind, sessionId } = event;
        // An application would first fetch anew what it names; this page shows only notifications.
        if (kind.case === "dataChange")
          void service.ackDataChange({ idempotencyKey: kind.value.idempotencyKey, sessionId }).catch(() => undefined);
        if (inbox.take(event)) void attempt(readPage);
        view.show(inbox);
      },
      onState,
      renew: () => credentials.renew(),
    },
    running.signal,
  );
}

setInterval(() => view.refreshTimes(), 30_000);
if (credentials.token || (await credentials.renew()) === "fresh") start();
else view.askWho("Any name will do while the service runs in dev mode.", { must: true });
