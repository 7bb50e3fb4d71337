/**
 * Client of Cidadão.AI for Node, over gRPC.
 *
 * @module
 */

import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { Client, type ClientOptions } from "./client.js";

export * from "./common.js";

/** What a client for Node may be told. */
export interface ConnectOptions extends ClientOptions {
  /** Certificate authorities to trust in place of the usual ones, as PEM. */
  readonly ca?: string | Uint8Array;
}

/**
 * Prepares a connection to `http://host:port`, or `https://host:port` for TLS; nothing is sent yet.
 *
 * Throws a `TypeError` if the address is malformed, or `ca` is given without TLS.
 */
export function connect(address: string, options: ConnectOptions = {}): Client {
  const { ca, ...rest } = options;
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const known = url?.protocol === "http:" || url?.protocol === "https:";
  if (!url || !known || url.pathname !== "/" || url.search) {
    throw new TypeError(`address must be http://host:port or https://host:port, got ${JSON.stringify(address)}`);
  }
  if (ca !== undefined && url.protocol !== "https:") {
    throw new TypeError("a certificate authority needs an https:// address");
  }
  const session = new Http2SessionManager(
    url,
    // A peer that vanished without a word is noticed while a stream waits for its next event.
    { pingIntervalMs: 20_000, pingTimeoutMs: 10_000 },
    ca === undefined ? {} : { ca: typeof ca === "string" ? ca : Buffer.from(ca) },
  );
  const transport = createGrpcTransport({ baseUrl: url.origin, sessionManager: session });
  return new Client(transport, rest, () => session.abort());
}
