// A server that follows a script: it does on purpose what the real one must never do.

import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createSecureServer, createServer as createHttp2Server, type Http2Server } from "node:http2";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, type HandlerContext } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { v1 } from "@cidadao/client";
import { ErrorInfoSchema, RetryInfoSchema } from "../dist/gen/google/rpc/error_details_pb.js";

export interface ScriptedStream {
  after: number;
  send: string[];
  end: string;
}

const KINDS: Record<string, v1.EventKind> = {
  heartbeat: v1.EventKind.HEARTBEAT,
  finished: v1.EventKind.FINISHED,
};

/** The event that `3`, `heartbeat 3` or `finished 3` stands for in the conformance file. */
function eventOf(text: string): v1.ProgressEvent {
  const [sequence = "", kind = ""] = text.split(" ").reverse();
  return create(v1.ProgressEventSchema, {
    sequence: BigInt(sequence),
    kind: KINDS[kind] ?? v1.EventKind.PROGRESS,
  });
}

export function textOf(event: v1.ProgressEvent): string {
  const kind = Object.keys(KINDS).find((name) => KINDS[name] === event.kind);
  return kind ? `${kind} ${event.sequence}` : `${event.sequence}`;
}

/** The code of `NOT_FOUND`. */
export function codeOf(name: string): Code {
  const pascal = name === "CANCELLED" ? "Canceled" : camel(name);
  return Code[pascal as keyof typeof Code];
}

/** `NotFound` for `NOT_FOUND`. */
export function camel(name: string): string {
  return name.toLowerCase().replace(/(^|_)(.)/g, (_, __, letter: string) => letter.toUpperCase());
}

/** Plays `streams` to watchers and `answers` to starts, one after another, and keeps what it was asked. */
export class ScriptedServer {
  streams: ScriptedStream[] = [];
  answers: string[] = [];
  retrySeconds: number | undefined;
  job = create(v1.InvestigationSchema);
  readonly after: number[] = [];
  readonly starts: v1.StartInvestigationRequest[] = [];
  readonly headers: Headers[] = [];
  address = "";
  webAddress = "";
  readonly #servers: (Server | Http2Server)[] = [];
  readonly #sessions = new Set<{ destroy(): void }>();

  async listen(): Promise<this> {
    const handler = connectNodeAdapter({ routes: (router) => this.#routes(router) });
    this.address = `http://localhost:${await this.#serve(createHttp2Server(handler))}`;
    this.webAddress = `http://localhost:${await this.#serve(createServer(handler))}`;
    return this;
  }

  /** Listens with TLS; gives the certificate to trust. */
  async listenWithTls(): Promise<string> {
    const directory = mkdtempSync(join(tmpdir(), "cidadao-client-ts-"));
    const [key, certificate] = [join(directory, "key.pem"), join(directory, "certificate.pem")];
    const openssl = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost";
    const files = ["-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate];
    execFileSync("openssl", [...openssl.split(" "), ...files], { stdio: "pipe" });
    const pair = { key: readFileSync(key), cert: readFileSync(certificate, "utf8") };
    rmSync(directory, { recursive: true });
    const handler = connectNodeAdapter({ routes: (router) => this.#routes(router) });
    this.address = `https://localhost:${await this.#serve(createSecureServer(pair, handler))}`;
    return pair.cert;
  }

  async #serve(server: Server | Http2Server): Promise<number> {
    this.#servers.push(server);
    for (const event of ["connection", "session"]) {
      server.on(event, (session: { destroy(): void }) => this.#sessions.add(session));
    }
    server.listen(0, "localhost");
    await once(server, "listening");
    return (server.address() as AddressInfo).port;
  }

  close(): void {
    this.#sessions.forEach((session) => session.destroy());
    this.#servers.forEach((server) => server.close());
  }

  #routes(router: ConnectRouter): void {
    router.service(v1.InvestigationService, {
      startInvestigation: (request, context) => this.#start(request, context),
      getInvestigation: () => this.job,
      watchInvestigation: (request, context) => this.#watch(request, context),
    });
  }

  async #start(request: v1.StartInvestigationRequest, context: HandlerContext): Promise<v1.Investigation> {
    this.headers.push(context.requestHeader);
    // The last answer is given again and again.
    const answer = this.answers[Math.min(this.starts.length, this.answers.length - 1)]!;
    this.starts.push(request);
    if (answer === "HANG") {
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    } else if (answer !== "OK") {
      throw this.#refusal(answer);
    }
    return create(v1.InvestigationSchema, { investigationId: "1", requestId: request.requestId });
  }

  async *#watch(request: v1.WatchInvestigationRequest, context: HandlerContext): AsyncGenerator<v1.ProgressEvent> {
    this.after.push(Number(request.afterSequence));
    const stream = this.streams[this.after.length - 1];
    if (!stream) {
      throw this.#refusal("FAILED_PRECONDITION");
    }
    for (const text of stream.send) {
      yield eventOf(text);
    }
    if (stream.end === "SILENCE") {
      await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
    } else if (stream.end !== "OK") {
      throw this.#refusal(stream.end);
    }
  }

  #refusal(code: string): ConnectError {
    const seconds = this.retrySeconds;
    const retryDelay = { seconds: BigInt(Math.floor(seconds ?? 0)), nanos: ((seconds ?? 0) % 1) * 1e9 };
    return new ConnectError("as the script says", codeOf(code), undefined, [
      { desc: ErrorInfoSchema, value: { reason: "SCRIPTED", domain: "cidadao.ai" } },
      ...(seconds === undefined ? [] : [{ desc: RetryInfoSchema, value: { retryDelay } }]),
    ]);
  }
}
