// The cases of clients/conformance.json.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { fromJson, type JsonObject } from "@bufbuild/protobuf";
import * as api from "@cidadao/client";
import { Code, RpcError, SequenceError, v1, type Client, type RetryPolicy } from "@cidadao/client";
import { CLIENTS, TRANSPORTS, useProduct } from "./product.js";
import { camel, ScriptedServer, textOf, type ScriptedStream } from "./script.js";

interface Conformance {
  watches: {
    name: string;
    after_sequence?: number;
    heartbeats?: boolean;
    reconnects?: number;
    job?: JsonObject;
    streams: ScriptedStream[];
    delivered: string[];
    error?: { kind: string; expected: number; received: number };
  }[];
  calls: {
    name: string;
    attempts?: number;
    answers: string[];
    retry_seconds?: number;
    timeout_seconds?: number;
    takes_seconds?: number;
    requests: number;
    error?: string;
  }[];
  refusals: {
    name: string;
    method: string;
    request: JsonObject;
    error: string;
    reason: string;
    fields?: string[];
    metadata?: Record<string, string>;
  }[];
}

const CASES: Conformance = JSON.parse(readFileSync(join(CLIENTS, "conformance.json"), "utf8"));
/** Delays that a test need not wait for. */
const QUICK: Partial<RetryPolicy> = { initialDelayMs: 1, maxDelayMs: 10 };

/** What a promise rejects with. */
async function rejection(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => assert.fail("nothing was refused"),
    (reason: unknown) => reason,
  );
}

/** Checks that an error is of a kind: of the class `NotFoundError` for `NOT_FOUND`. */
function assertKind(error: unknown, name: string): asserts error is RpcError {
  const kind = api[`${camel(name)}Error` as keyof typeof api] as typeof RpcError;
  assert.equal((error as Error).constructor, kind, String(error));
}

for (const [transport, connect] of Object.entries(TRANSPORTS)) {
  describe(`watches over ${transport}`, () => {
    for (const c of CASES.watches) {
      test(c.name, async (t) => {
        const server = await new ScriptedServer().listen();
        t.after(() => server.close());
        server.streams = c.streams;
        server.job = fromJson(v1.InvestigationSchema, c.job ?? {});
        const client = connect(server, {
          retry: { ...QUICK, ...(c.reconnects !== undefined && { reconnects: c.reconnects }) },
        });
        t.after(() => client.close());
        const delivered: string[] = [];
        const watch = async () => {
          const options = { afterSequence: BigInt(c.after_sequence ?? 0), heartbeats: c.heartbeats ?? false };
          for await (const event of client.watchInvestigation("1", options)) {
            delivered.push(textOf(event));
          }
        };
        if (!c.error) {
          await watch();
        } else if (c.error.kind === "SEQUENCE") {
          const error = await rejection(watch());
          assert.ok(error instanceof SequenceError, String(error));
          assert.deepEqual([error.expected, error.received], [BigInt(c.error.expected), BigInt(c.error.received)]);
        } else {
          const error = await rejection(watch());
          assertKind(error, c.error.kind);
          assert.equal(error.reason, "SCRIPTED");
        }
        assert.deepEqual(delivered, c.delivered);
        assert.deepEqual(
          server.after,
          c.streams.map(({ after }) => after),
        );
      });
    }
  });

  describe(`calls over ${transport}`, () => {
    for (const c of CASES.calls) {
      test(c.name, async (t) => {
        const server = await new ScriptedServer().listen();
        t.after(() => server.close());
        server.answers = c.answers;
        server.retrySeconds = c.retry_seconds;
        const client = connect(server, {
          retry: { ...QUICK, ...(c.attempts !== undefined && { attempts: c.attempts }) },
        });
        t.after(() => client.close());
        const begun = Date.now();
        const options = c.timeout_seconds === undefined ? {} : { timeoutMs: c.timeout_seconds * 1000 };
        const request = { query: "contratos", requestId: "" };
        const call = client.startInvestigation(request, options);
        if (c.error) {
          const error = await rejection(call);
          assertKind(error, c.error);
          if (c.error !== "DEADLINE_EXCEEDED") {
            assert.equal(error.reason, "SCRIPTED");
            assert.equal(error.retryDelayMs, c.retry_seconds && c.retry_seconds * 1000);
          }
        } else {
          assert.equal((await call).investigationId, "1");
        }
        const took = (Date.now() - begun) / 1000;
        // A timer may fire within the millisecond before.
        assert.ok(took >= (c.takes_seconds ?? 0) - 0.001 && took < 10, `took ${took} s`);
        assert.equal(server.starts.length, c.requests);
        const ids = new Set(server.starts.map(({ requestId }) => requestId));
        assert.equal(ids.size, 1, "every attempt is the same request");
        assert.match([...ids][0]!, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.equal(request.requestId, "", "the request of the caller is as it was");
      });
    }
  });
}

describe("refusals", () => {
  const product = useProduct();
  const methods: Record<string, (client: Client, request: JsonObject) => Promise<unknown>> = {
    StartInvestigation: (client, request) =>
      client.startInvestigation(fromJson(v1.StartInvestigationRequestSchema, request)),
    StartAnalysis: (client, request) => client.startAnalysis(fromJson(v1.StartAnalysisRequestSchema, request)),
    ListInvestigations: (client, request) =>
      client.listInvestigations(fromJson(v1.ListInvestigationsRequestSchema, request)),
    GetInvestigation: (client, request) => client.getInvestigation(String(request["investigation_id"])),
    WatchInvestigation: (client, request) => client.watchInvestigation(String(request["investigation_id"])).next(),
    GetAnalysis: (client, request) => client.getAnalysis(String(request["analysis_id"])),
    GetContract: (client, request) => client.getContract(String(request["contract_id"])),
  };
  for (const [transport, connect] of Object.entries(TRANSPORTS)) {
    for (const c of CASES.refusals) {
      test(`${c.name} over ${transport}`, async (t) => {
        const client = connect(product);
        t.after(() => client.close());
        const error = await rejection(methods[c.method]!(client, c.request));
        assertKind(error, c.error);
        assert.equal(camel(c.error), Code[error.code]);
        assert.deepEqual([error.reason, error.domain], [c.reason, "cidadao.ai"]);
        assert.deepEqual(
          error.fieldViolations.map(({ field }) => field),
          c.fields ?? [],
        );
        for (const { field, description } of error.fieldViolations) {
          assert.ok(description && error.message.includes(field));
        }
        assert.deepEqual({ ...error.metadata, ...c.metadata }, error.metadata);
      });
    }
  }
});
