// The real binary: found, fed with a sample, started, killed.

import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomInt } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server as HttpServer } from "node:http";
import { connect as dial, createServer as listen, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { after, before } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import type { DescService } from "@bufbuild/protobuf";
import { ConnectError, createClient, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter, createGrpcTransport } from "@connectrpc/connect-node";
import { connect, v1, type Client, type ClientOptions } from "@cidadao/client";
import { connect as connectWeb } from "@cidadao/client/web";

/** The directory `clients`. */
export const CLIENTS = resolve(import.meta.dirname, "../..");
/** Rows of the sample: enough for an investigation to take half a second, so that a kill lands inside it. */
const ROWS = "5000";

/** The binary that CIDADAO_BIN names, or the one that `cargo build` leaves. */
function binary(): string {
  if (process.env["CIDADAO_BIN"]) {
    return resolve(process.env["CIDADAO_BIN"]);
  }
  const cargo = ["metadata", "--no-deps", "--format-version", "1", "--offline"];
  const metadata = JSON.parse(execFileSync("cargo", cargo, { cwd: join(CLIENTS, ".."), encoding: "utf8" }));
  return join(metadata.target_directory, "debug", "cidadao");
}

/** A port below those that the system gives to connections (from 32,768): none takes it before a server does. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 30_000);
    const server = listen().listen(port, "127.0.0.1");
    try {
      await once(server, "listening");
    } catch {
      continue;
    }
    server.close();
    await once(server, "close");
    return port;
  }
}

/** A server over a data directory of its own; it keeps its port when it is started again. */
export class Product {
  readonly #directory = mkdtempSync(join(tmpdir(), "cidadao-client-ts-"));
  #grpc = 0;
  #metrics = 0;
  #process: ChildProcess | undefined;
  #bridge: HttpServer | undefined;

  get address(): string {
    return `http://127.0.0.1:${this.#grpc}`;
  }

  /** Where the same services are spoken to over gRPC-Web. */
  get webAddress(): string {
    return `http://127.0.0.1:${(this.#bridge?.address() as AddressInfo).port}`;
  }

  async setUp(): Promise<void> {
    [this.#grpc, this.#metrics] = [await freePort(), await freePort()];
    const month = join(this.#directory, "month");
    this.#run("sample", "--rows", ROWS, "--seed", "1", "--out", month);
    this.#run("import", month);
    await this.start();
    this.#bridge = bridge(this.address).listen(0, "127.0.0.1");
    await once(this.#bridge, "listening");
  }

  async tearDown(): Promise<void> {
    this.#bridge?.closeAllConnections();
    this.#bridge?.close();
    await this.end("SIGKILL");
    rmSync(this.#directory, { recursive: true });
  }

  #command(...rest: string[]): string[] {
    return ["--data-dir", join(this.#directory, "data"), ...rest];
  }

  #run(...rest: string[]): void {
    execFileSync(binary(), this.#command(...rest), { stdio: "pipe" });
  }

  async start(): Promise<void> {
    const [grpc, metrics] = [`127.0.0.1:${this.#grpc}`, `127.0.0.1:${this.#metrics}`];
    const addresses = ["--grpc-addr", grpc, "--http-addr", "127.0.0.1:0", "--metrics-addr", metrics];
    const serve = this.#command("serve", "--lease-seconds", "2", ...addresses);
    const child = spawn(binary(), serve, {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, CIDADAO_LOG: "warn" },
    });
    this.#process = child;
    for (const deadline = Date.now() + 30_000; ; await delay(20)) {
      const socket = dial(this.#grpc, "127.0.0.1");
      try {
        await once(socket, "connect");
        return;
      } catch (cause) {
        if (Date.now() > deadline || child.exitCode !== null) {
          throw new Error("the server does not listen", { cause });
        }
      } finally {
        socket.destroy();
      }
    }
  }

  /** Ends it and waits. After SIGKILL nothing is told to anybody; SIGTERM lets it say goodbye. */
  async end(how: NodeJS.Signals): Promise<void> {
    if (this.#process?.exitCode === null && this.#process.signalCode === null) {
      this.#process.kill(how);
      await once(this.#process, "exit");
    }
  }
}

/** A proxy from gRPC-Web to gRPC, as one stands before the service for browsers. */
function bridge(address: string): HttpServer {
  const transport = createGrpcTransport({ baseUrl: address });
  // What came from the server goes on without the headers that it came with.
  const passOn = (reason: unknown): never => {
    const from = ConnectError.from(reason);
    const error = new ConnectError(from.rawMessage, from.code);
    error.details = from.details;
    throw error;
  };
  type Call = (request: unknown, options: { signal: AbortSignal }) => unknown;
  const forward = (service: DescService) => {
    const upstream = createClient(service, transport) as unknown as Record<string, Call>;
    const call = (name: string, request: unknown, context: HandlerContext) =>
      upstream[name]!(request, { signal: context.signal });
    return Object.fromEntries(
      service.methods.map(({ localName, methodKind }) => [
        localName,
        methodKind === "unary"
          ? async (request: unknown, context: HandlerContext) =>
              (call(localName, request, context) as Promise<unknown>).catch(passOn)
          : async function* (request: unknown, context: HandlerContext) {
              try {
                yield* call(localName, request, context) as AsyncIterable<unknown>;
              } catch (reason) {
                passOn(reason);
              }
            },
      ]),
    );
  };
  const services = [v1.InvestigationService, v1.AnalysisService, v1.ContractService, v1.HealthService];
  return createServer(
    connectNodeAdapter({
      routes: (router) => services.forEach((service) => router.service(service, forward(service))),
    }),
  );
}

/** The product for the tests of a file. */
export function useProduct(): Product {
  const product = new Product();
  before(() => product.setUp());
  after(() => product.tearDown());
  return product;
}

/** Each transport by its name: how its client is made, given the addresses of a server. */
export const TRANSPORTS: Record<
  string,
  (server: { address: string; webAddress: string }, options?: ClientOptions) => Client
> = {
  gRPC: (server, options) => connect(server.address, options),
  "gRPC-Web": (server, options) => connectWeb(server.webAddress, options),
};
