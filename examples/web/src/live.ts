/** A stream that outlives its connections: it goes on where it ended, with backoff and jitter. */

import { Code, ConnectError, type Client } from "@connectrpc/connect";
import type { Renewal } from "./credentials";
import type { NotificationClientService, StreamEvent } from "./gen/notify/v1/client_service_pb";
import { DeviceType } from "./gen/notify/v1/notification_pb";

/** Without any event for this long (three heartbeats) the connection is gone, whatever TCP believes. */
const SILENCE_MS = 90_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** Trying again would end the same way. */
const FINAL = new Set([Code.PermissionDenied, Code.InvalidArgument, Code.FailedPrecondition, Code.Unimplemented]);

export type State = "connecting" | "live" | "waiting" | "signed-out" | "off";

export interface Live {
  client: Client<typeof NotificationClientService>;
  /** Where to go on. */
  cursor: () => string;
  onEvent: (event: StreamEvent) => void;
  onState: (state: State) => void;
  renew: () => Promise<Renewal>;
}

/** Stream until `signal`, or until no new connection would help; never throws. */
export async function stayLive(live: Live, signal: AbortSignal): Promise<void> {
  for (let failures = 0, refused = 0; !signal.aborted; ) {
    let asked: number | undefined;
    live.onState("connecting");
    try {
      for await (const event of connection(live, signal)) {
        failures = refused = 0;
        if (event.event.case === "reconnect") asked = event.event.value.afterMs;
        else if (event.event.case === "authExpiring") void refresh(live, event.sessionId);
        else live.onEvent(event);
        live.onState("live");
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code } = ConnectError.from(error);
      if (FINAL.has(code)) return live.onState("off");
      if (code === Code.Unauthenticated) {
        const renewal = await live.renew();
        // A fresh token that is refused as well will not get better.
        if (renewal === "refused" || refused > 0) return live.onState("signed-out");
        if (renewal === "fresh") {
          refused += 1;
          continue;
        }
      }
    }
    live.onState("waiting");
    await pause(asked ?? Math.random() * Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++), signal);
  }
}

async function* connection(live: Live, signal: AbortSignal): AsyncGenerator<StreamEvent> {
  const silence = new AbortController();
  let timer = 0;
  const restart = (): void => {
    clearTimeout(timer);
    timer = window.setTimeout(() => silence.abort(), SILENCE_MS);
  };
  const request = { deviceType: DeviceType.BROWSER, resumeAfter: live.cursor() };
  restart();
  try {
    for await (const event of live.client.streamEvents(request, { signal: AbortSignal.any([signal, silence.signal]) })) {
      restart();
      yield event;
    }
  } finally {
    clearTimeout(timer);
  }
}

/** Keep the stream beyond its token's end. Failing is no harm: it ends, and the next connection goes on. */
async function refresh(live: Live, sessionId: string): Promise<void> {
  if ((await live.renew()) === "fresh") await live.client.refreshStream({ sessionId }).catch(() => undefined);
}

/** Wait, but not while the network just came back. */
function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer);
      window.removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = window.setTimeout(done, ms);
    window.addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}
