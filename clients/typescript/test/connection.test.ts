// What is sent with a call, and what cannot be connected to.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { CancelledError, connect, retryDelay, UnavailableError, v1, DEFAULT_RETRY_POLICY } from "@cidadao/client";
import { http } from "../dist/gen/google/api/annotations_pb.js";
import { CLIENTS, freePort, TRANSPORTS } from "./product.js";
import { ScriptedServer, textOf } from "./script.js";

const QUERY = { query: "contratos" };

for (const [transport, connectTo] of Object.entries(TRANSPORTS)) {
  test(`credentials are sent over ${transport}`, async (t) => {
    const server = await new ScriptedServer().listen();
    t.after(() => server.close());
    server.answers = ["OK", "UNAVAILABLE", "OK"];
    const keyed = connectTo(server, { credentials: { apiKey: "secret" } });
    t.after(() => keyed.close());
    await keyed.startInvestigation(QUERY);
    assert.equal(server.headers[0]?.get("x-api-key"), "secret");
    assert.equal(server.headers[0]?.get("authorization"), null);

    const tokens = ["first", "second"];
    const bearer = connectTo(server, {
      credentials: { bearerToken: async () => tokens.shift() ?? "none" },
      retry: { initialDelayMs: 1 },
    });
    t.after(() => bearer.close());
    await bearer.startInvestigation(QUERY);
    const sent = server.headers.slice(1).map((headers) => headers.get("authorization"));
    assert.deepEqual(sent, ["Bearer first", "Bearer second"], "each attempt has the current token");
  });

  test(`nobody listens to ${transport}`, async (t) => {
    const address = `http://127.0.0.1:${await freePort()}`;
    const retry = { attempts: 3, initialDelayMs: 10, reconnects: 2 };
    const client = connectTo({ address, webAddress: address }, { retry });
    t.after(() => client.close());
    const begun = Date.now();
    await assert.rejects(client.getHealth(), UnavailableError);
    await assert.rejects(client.watchInvestigation("1").next(), UnavailableError);
    assert.ok(Date.now() - begun < 5_000);
  });

  test(`a stream without a sign of life is reopened over ${transport}`, async (t) => {
    const server = await new ScriptedServer().listen();
    t.after(() => server.close());
    server.streams = [
      { after: 0, send: ["1"], end: "SILENCE" },
      { after: 1, send: ["finished 2"], end: "OK" },
    ];
    const client = connectTo(server, { idleTimeoutMs: 200, retry: { initialDelayMs: 1 } });
    t.after(() => client.close());
    const delivered: string[] = [];
    for await (const event of client.watchInvestigation("1")) {
      delivered.push(textOf(event));
    }
    assert.deepEqual(delivered, ["1", "finished 2"]);
    assert.deepEqual(server.after, [0, 1]);
  });

  test(`a signal ends calls and streams over ${transport}`, async (t) => {
    const server = await new ScriptedServer().listen();
    t.after(() => server.close());
    server.answers = ["HANG"];
    server.streams = [{ after: 0, send: ["1"], end: "SILENCE" }];
    const client = connectTo(server);
    t.after(() => client.close());
    await assert.rejects(client.startInvestigation(QUERY, { signal: AbortSignal.timeout(100) }), CancelledError);
    const controller = new AbortController();
    const events = client.watchInvestigation("1", { signal: controller.signal });
    assert.equal((await events.next()).value?.sequence, 1n);
    setTimeout(() => controller.abort(), 50);
    await assert.rejects(events.next(), CancelledError);
    assert.deepEqual(server.after, [0], "it is not reopened");
  });
}

test("TLS with an authority of one's own", async (t) => {
  const server = new ScriptedServer();
  server.answers = ["OK"];
  const ca = await server.listenWithTls();
  t.after(() => server.close());
  const client = connect(server.address, { ca });
  t.after(() => client.close());
  await client.startInvestigation(QUERY);
  const stranger = connect(server.address, { retry: { attempts: 1 } });
  t.after(() => stranger.close());
  await assert.rejects(stranger.startInvestigation(QUERY), UnavailableError);
  assert.equal(server.starts.length, 1, "nothing is sent to a server that is not trusted");
});

test("malformed addresses are refused", () => {
  for (const address of ["localhost:50051", "grpc://localhost", "http://", "http://host/path", "http://h?q"]) {
    assert.throws(() => connect(address), /address must be/);
  }
  assert.throws(() => connect("http://localhost:50051", { ca: "" }), /https/);
});

test("delays grow to a limit and are spread", () => {
  const policy = { ...DEFAULT_RETRY_POLICY, initialDelayMs: 1000, multiplier: 2, maxDelayMs: 8000 };
  for (const [failures, most] of [[1, 1000], [2, 2000], [4, 8000], [5, 8000], [10_000, 8000]] as const) {
    const delays = Array.from({ length: 20 }, () => retryDelay(policy, failures));
    assert.ok(delays.every((delay) => delay >= most / 2 && delay <= most));
    assert.ok(new Set(delays).size > 1);
  }
  assert.ok(retryDelay(policy, 1, 30_000) >= 30_000);
});

test("the routes can be read from the descriptors", () => {
  const method = v1.InvestigationService.method.startInvestigation;
  assert.ok(hasOption(method, http));
  assert.deepEqual(getOption(method, http).pattern, { case: "post", value: "/api/v1/investigations/start" });
});

test("nothing for browsers needs Node", () => {
  const dist = join(CLIENTS, "typescript", "dist");
  const seen = new Set<string>();
  const read = (file: string) => {
    if (seen.has(file)) {
      return;
    }
    seen.add(file);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/from "([^"]+)"/g)) {
      assert.ok(!name.startsWith("node:") && !name.includes("connect-node"), `${file} imports ${name}`);
      if (name.startsWith(".")) {
        read(join(dirname(file), name));
      }
    }
  };
  read(join(dist, "web.js"));
  assert.ok(seen.has(join(dist, "client.js")));
});
