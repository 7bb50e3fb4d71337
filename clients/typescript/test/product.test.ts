// The client against the real server.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  AlreadyExistsError,
  InvalidArgumentError,
  OutOfRangeError,
  RpcError,
  v1,
} from "@cidadao/client";
import { CLIENTS, TRANSPORTS, useProduct } from "./product.js";

async function collect<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const all: Item[] = [];
  for await (const item of items) {
    all.push(item);
  }
  return all;
}

/** Checks that sequences are 1, 2, 3, … and that the last event is the end. */
function assertGapless(events: v1.ProgressEvent[]): void {
  assert.deepEqual(
    events.map(({ sequence }) => sequence),
    events.map((_, index) => BigInt(index + 1)),
  );
  assert.equal(events.at(-1)?.kind, v1.EventKind.FINISHED);
  assert.equal(events.at(-1)?.state, v1.JobState.COMPLETED);
}

const product = useProduct();
/** Not the blocking one: the gRPC-Web bridge runs in this process. */
const run = promisify(execFile);

for (const [transport, connect] of Object.entries(TRANSPORTS)) {
  describe(`over ${transport}`, () => {
    test("a killed server costs no event and doubles none", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const { investigationId } = await client.startInvestigation({
        query: "contratos",
        // Not answered from an earlier run.
        options: { allowCached: false },
      });
      const events: v1.ProgressEvent[] = [];
      for await (const event of client.watchInvestigation(investigationId)) {
        events.push(event);
        // The kill costs the job an attempt; who is asked to stop takes leave of its watchers first.
        const how = ({ 4: "SIGKILL", 6: "SIGTERM" } as const)[Number(event.sequence)];
        if (how) {
          await product.end(how);
          await product.start();
        }
      }
      assertGapless(events);
      const investigation = await client.getInvestigation(investigationId);
      assert.ok(investigation.attempt > 1, "the kill came in the middle");

      // The same events again, from the middle and from the end.
      assert.deepEqual(
        await collect(client.watchInvestigation(investigationId, { afterSequence: 4n })),
        events.slice(4),
      );
      const end = BigInt(events.length);
      assert.deepEqual(await collect(client.watchInvestigation(investigationId, { afterSequence: end })), []);
      const ahead = client.watchInvestigation(investigationId, { afterSequence: end + 1n });
      await assert.rejects(ahead.next(), OutOfRangeError);

      // Every finding, whatever the pages.
      const whole = await client.getInvestigationResults({ investigationId, pageSize: 1000 });
      assert.equal(Number(whole.totalFindings), whole.findings.length);
      assert.ok(whole.findings.length > 20);
      const request = { investigationId, pageSize: 7, pageToken: "" };
      assert.deepEqual(await collect(client.findings(request)), whole.findings);
      assert.equal(request.pageToken, "", "the request of the caller is as it was");
      const severe = await collect(client.findings({ investigationId, minSeverity: v1.Severity.HIGH }));
      assert.ok(severe.length > 0 && severe.length < whole.findings.length);

      const report = await client.getInvestigationReport({ investigationId, format: "html", language: "en" });
      assert.match(report.contentType, /^text\/html/);
      assert.ok(report.reportContent.includes(investigationId));
    });

    test("a request id makes one job", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const requestId = randomUUID();
      const filters = { minValue: 1e6, modalidades: [v1.Modality.DISPENSA_LICITACAO] };
      const first = await client.startInvestigation({ query: "dispensas", filters, requestId });
      const again = await client.startInvestigation({ query: "dispensas", filters, requestId });
      assert.equal(again.investigationId, first.investigationId);
      assert.equal(first.filters?.minValue, 1e6);
      await assert.rejects(
        client.startInvestigation({ query: "convites", requestId }),
        (error) => error instanceof AlreadyExistsError && error.reason === "REQUEST_ID_REUSED",
      );
      const other = await client.startInvestigation({ query: "dispensas", filters });
      assert.notEqual(other.investigationId, first.investigationId);
      for (const { investigationId } of [other, first]) {
        assert.equal((await client.cancelInvestigation(investigationId)).investigationId, investigationId);
      }
      assert.equal((await client.getInvestigation(first.investigationId)).query, "dispensas");
      const listed = await collect(client.investigations({ pageSize: 1 }));
      assert.deepEqual(
        listed.slice(0, 2).map(({ investigationId }) => investigationId),
        [other.investigationId, first.investigationId],
        "newest first",
      );
    });

    test("a batch has a result for each request", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const [started, refused] = await client.batchStartInvestigations([{ query: "dispensas" }, { query: "" }]);
      assert.ok(started && !(started instanceof RpcError));
      assert.equal(started.query, "dispensas");
      assert.ok(refused instanceof InvalidArgumentError);
      assert.equal(refused.fieldViolations[0]?.field, "query");
      const followed: string[] = [];
      const endedAfter = timestampDate(started.createTime!);
      for await (const { item } of client.watchInvestigations({ endedAfter })) {
        if (item.case === "investigation") {
          followed.push(item.value.investigationId);
        } else if (item.case === "caughtUp") {
          break;
        }
      }
      await client.cancelInvestigation(started.investigationId);
      assert.ok(followed.includes(started.investigationId));
    });

    test("an analysis", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const { analysisId } = await client.startAnalysis({
        analysisType: v1.AnalysisType.SPENDING_TRENDS,
        timeRange: { startDate: "2024-01-01", endDate: "2024-12-31" },
      });
      const events = await collect(client.watchAnalysis(analysisId));
      assertGapless(events);
      const afterSequence = BigInt(events.length);
      assert.deepEqual(await collect(client.watchAnalysis(analysisId, { afterSequence })), []);
      assert.equal((await client.getAnalysis(analysisId)).status, v1.JobState.COMPLETED);
      const results = await client.getAnalysisResults(analysisId);
      assert.ok(results.contracts > 0n && results.byMonth.length > 0);
    });

    test("contracts", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const filters = { minValue: 5e5 };
      const page = await client.searchContracts({ filters, pageSize: 10 });
      const all = await collect(client.contracts({ filters, pageSize: 1000 }));
      assert.ok(page.contracts.length === 10 && all.length > 10);
      assert.equal(Number(page.totalContracts), all.length);
      assert.deepEqual(all.slice(0, 10), page.contracts);
      const one = await client.getContract(all[0]!.contractId);
      assert.equal(one.currentValue, all[0]!.currentValue);
    });

    test("health", async (t) => {
      const client = connect(product);
      t.after(() => client.close());
      const health = await client.getHealth();
      assert.equal(health.status, v1.HealthState.HEALTHY);
      assert.notEqual(health.version, "");
      for await (const watched of client.watchHealth()) {
        const names = (of: v1.Health) => of.dependencies.map(({ name }) => name);
        assert.deepEqual(names(watched), names(health));
        break;
      }
    });
  });
}

describe("the examples of the README run", () => {
  const readme = readFileSync(join(CLIENTS, "typescript", "README.md"), "utf8");
  const examples = [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = ""]) => code);
  const checks: [string, (output: string) => void][] = [
    ["http://localhost:50051", (output) => assert.match(output, /100%[^]*\n\[ 'query' \]\n$/)],
    ["https://cidadao.example.org", (output) => assert.match(output, /reais\n$/)],
  ];
  for (const [index, [address, check]] of checks.entries()) {
    test(address, async () => {
      assert.equal(examples.length, checks.length);
      assert.ok(examples[index]!.includes(address));
      const directory = join(CLIENTS, "typescript", "build", "readme");
      mkdirSync(directory, { recursive: true });
      const target = index === 0 ? product.address : product.webAddress;
      writeFileSync(join(directory, `${index}.ts`), examples[index]!.replaceAll(address, target));
      const flags = "--strict --module nodenext --target es2022 --types node";
      const tsc = join(CLIENTS, "typescript", "node_modules", ".bin", "tsc");
      await run(tsc, [...flags.split(" "), "--ignoreConfig", `${index}.ts`], { cwd: directory });
      const { stdout } = await run(process.execPath, [`${index}.js`], { cwd: directory, timeout: 60_000 });
      check(stdout);
    });
  }
});
