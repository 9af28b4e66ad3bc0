/** Calls to the service: grpc-web over fetch, through the front proxy. */

import { Code, ConnectError, createClient, type Client, type Interceptor } from "@connectrpc/connect";
import { createGrpcWebTransport } from "@connectrpc/connect-web";
import type { Credentials } from "./credentials";
import { NotificationClientService } from "./gen/notify/v1/client_service_pb";

export type Service = Client<typeof NotificationClientService>;

/** Without a deadline a call would wait for a dead network for as long as the browser does. Streams have none. */
const CALL_TIMEOUT_MS = 10_000;

/** A client of the service at `url`. A refused token is renewed once per call; streams see to that themselves. */
export function connect(url: string, credentials: Credentials): Service {
  const authenticated: Interceptor = (next) => async (request) => {
    const send = (): ReturnType<typeof next> => {
      request.header.set("authorization", `Bearer ${credentials.token}`);
      return next(request);
    };
    const sent = credentials.token;
    try {
      return await send();
    } catch (error) {
      const refused = ConnectError.from(error).code === Code.Unauthenticated;
      if (!refused || request.stream) throw error;
      if (credentials.token === sent && (await credentials.renew()) !== "fresh") throw error;
      return await send();
    }
  };
  const transport = createGrpcWebTransport({ baseUrl: url, interceptors: [authenticated] });
  return createClient(NotificationClientService, {
    unary: (method, signal, timeout, ...rest) => transport.unary(method, signal, timeout ?? CALL_TIMEOUT_MS, ...rest),
    stream: (...call) => transport.stream(...call),
  });
}
