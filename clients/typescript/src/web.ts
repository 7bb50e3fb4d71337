/**
 * Client of Cidadão.AI for browsers, over gRPC-Web.
 *
 * @module
 */

import { createGrpcWebTransport } from "@connectrpc/connect-web";
import { Client, type ClientOptions } from "./client.js";

export * from "./common.js";

/** What a client for browsers may be told. */
export interface ConnectOptions extends ClientOptions {
  /** Used in place of the global `fetch`, for example to send cookies. */
  readonly fetch?: typeof globalThis.fetch;
}

/** Prepares calls to a gRPC-Web endpoint, such as `https://cidadao.example.org`; nothing is sent yet. */
export function connect(baseUrl: string, options: ConnectOptions = {}): Client {
  const { fetch, ...rest } = options;
  return new Client(createGrpcWebTransport({ baseUrl, ...(fetch && { fetch }) }), rest);
}
