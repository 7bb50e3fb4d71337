import { clone, create, type DescMessage, type MessageInitShape, type MessageShape } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import {
  Code,
  createClient,
  type CallOptions as ConnectOptions,
  type Client as Stub,
  type Transport,
} from "@connectrpc/connect";
import {
  CidadaoError,
  errorOf,
  errorOfMessage,
  errorOfStatus,
  isResumable,
  SequenceError,
  UnavailableError,
  type RpcError,
} from "./errors.js";
import { DEFAULT_RETRY_POLICY, retryDelay, sleep, type RetryPolicy } from "./retry.js";
import * as v1 from "./v1.js";

/** Milliseconds that a call may take, its retries included, unless it says otherwise. */
export const DEFAULT_TIMEOUT_MS = 30_000;
/** The same for what reads much: reports, results and searches. */
export const LONG_TIMEOUT_MS = 120_000;
/** Milliseconds without a sign of life, which comes every 15 s, after which a stream of events is reopened. */
export const IDLE_TIMEOUT_MS = 45_000;

/**
 * Who is asking: an API key, sent as `x-api-key`, or a bearer token, sent as `authorization`. A token may be
 * a function that gives the current one; it is asked before each attempt of a call.
 */
export type Credentials =
  | { readonly apiKey: string }
  | { readonly bearerToken: string | (() => string | Promise<string>) };

/** What clients of every transport may be told. */
export interface ClientOptions {
  /** Sent as they are: use https beyond loopback. */
  readonly credentials?: Credentials;
  /** How often and how slowly to try again; what is left out is as in `DEFAULT_RETRY_POLICY`. */
  readonly retry?: Partial<RetryPolicy>;
  /** Milliseconds that a call may take, unless it says otherwise; `DEFAULT_TIMEOUT_MS`. */
  readonly timeoutMs?: number;
  /** The same for reports, results and searches; `LONG_TIMEOUT_MS`. */
  readonly longTimeoutMs?: number;
  /** Milliseconds of silence after which a stream of events is reopened; `IDLE_TIMEOUT_MS`. */
  readonly idleTimeoutMs?: number;
}

/** Options of one call. */
export interface CallOptions {
  /** Milliseconds that it may take, its retries included. */
  readonly timeoutMs?: number;
  /** Gives the call up. */
  readonly signal?: AbortSignal;
}

/** Options of a stream without end. */
export interface StreamOptions {
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** Options of a stream of events. */
export interface WatchOptions extends StreamOptions {
  /** Last sequence already seen; 0 replays from the start. */
  readonly afterSequence?: bigint;
  /** Hand over the server's signs of life too; they repeat the sequence before them. */
  readonly heartbeats?: boolean;
}

/** Requests as plain objects or as messages. */
type Init<Desc extends DescMessage> = MessageInitShape<Desc>;

const ACTIVE: readonly v1.JobState[] = [v1.JobState.UNSPECIFIED, v1.JobState.PENDING, v1.JobState.RUNNING];

/**
 * A connection to a server, made when it is first needed and again when it was lost.
 *
 * Every call may reject with a subclass of `RpcError`. A call that finds the server unavailable is tried
 * again within its timeout, which covers all attempts together; that is safe for each of them, starts
 * included: they carry a request id, under which the server makes one job and no second one.
 */
export class Client {
  readonly #investigations: Stub<typeof v1.InvestigationService>;
  readonly #analyses: Stub<typeof v1.AnalysisService>;
  readonly #contracts: Stub<typeof v1.ContractService>;
  readonly #detectors: Stub<typeof v1.DetectorService>;
  readonly #health: Stub<typeof v1.HealthService>;
  readonly #options: ClientOptions;
  readonly #retry: RetryPolicy;
  readonly #close: () => void;
  #closed = false;

  /**
   * A client over any transport of Connect; `connect` makes the usual ones.
   *
   * @param close what ends the connections of the transport
   */
  constructor(transport: Transport, options: ClientOptions = {}, close: () => void = () => {}) {
    this.#investigations = createClient(v1.InvestigationService, transport);
    this.#analyses = createClient(v1.AnalysisService, transport);
    this.#contracts = createClient(v1.ContractService, transport);
    this.#detectors = createClient(v1.DetectorService, transport);
    this.#health = createClient(v1.HealthService, transport);
    this.#options = options;
    this.#retry = { ...DEFAULT_RETRY_POLICY, ...options.retry };
    this.#close = close;
  }

  /** Closes the connection; calls and streams under way reject. */
  close(): void {
    this.#closed = true;
    this.#close();
  }

  // Investigations

  /**
   * Stores an investigation and answers at once; the work runs behind it. A request without `requestId` gets
   * one: give one to be able to ask again after this process was lost.
   *
   * Rejects with `InvalidArgumentError`, whose `fieldViolations` name the fields, or with
   * `AlreadyExistsError` if the request id was used for another request.
   */
  startInvestigation(
    request: Init<typeof v1.StartInvestigationRequestSchema>,
    options?: CallOptions,
  ): Promise<v1.Investigation> {
    const start = identified(v1.StartInvestigationRequestSchema, request);
    return this.#call((call) => this.#investigations.startInvestigation(start, call), options);
  }

  /** Starts up to 100 investigations; gives for each, in order, the investigation or why it was refused. */
  async batchStartInvestigations(
    requests: readonly Init<typeof v1.StartInvestigationRequestSchema>[],
    options?: CallOptions,
  ): Promise<(v1.Investigation | RpcError)[]> {
    const batch = { requests: requests.map((request) => identified(v1.StartInvestigationRequestSchema, request)) };
    const answer = await this.#long((call) => this.#investigations.batchStartInvestigations(batch, call), options);
    return answer.results.map(({ result }) => {
      switch (result.case) {
        case "investigation":
          return result.value;
        case "error":
          return errorOfMessage(result.value);
        default:
          return errorOfStatus(Code.Internal, "the server gave no result");
      }
    });
  }

  /** Reads the state of an investigation; `NotFoundError` if there is none with this id. */
  getInvestigation(investigationId: string, options?: CallOptions): Promise<v1.Investigation> {
    return this.#call((call) => this.#investigations.getInvestigation({ investigationId }, call), options);
  }

  /** Reads one page of investigations, newest first; `investigations` reads them all. */
  listInvestigations(
    request: Init<typeof v1.ListInvestigationsRequestSchema> = {},
    options?: CallOptions,
  ): Promise<v1.ListInvestigationsResponse> {
    return this.#call((call) => this.#investigations.listInvestigations(request, call), options);
  }

  /** Every investigation from the page of the request on, newest first, read page by page as they are asked for. */
  investigations(
    request: Init<typeof v1.ListInvestigationsRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<v1.Investigation, void, undefined> {
    return items(
      clone(v1.ListInvestigationsRequestSchema, create(v1.ListInvestigationsRequestSchema, request)),
      (page) => this.listInvestigations(page, options),
      (page) => page.investigations,
    );
  }

  /** Asks an investigation to stop. Asking again, or for one that has ended, changes nothing. */
  cancelInvestigation(investigationId: string, options?: CallOptions): Promise<v1.Investigation> {
    return this.#call((call) => this.#investigations.cancelInvestigation({ investigationId }, call), options);
  }

  /**
   * Every event of an investigation after a sequence, each once and in order, to the last one.
   *
   * A connection that breaks, or a server that stops, is waited for, and the stream goes on where it was.
   * Throws `NotFoundError` for an unknown id, `OutOfRangeError` for a sequence that the log does not have,
   * `SequenceError` if an event is missing or comes twice, or what the last of `RetryPolicy.reconnects` tries
   * in a row ended with.
   */
  watchInvestigation(
    investigationId: string,
    options: WatchOptions = {},
  ): AsyncGenerator<v1.ProgressEvent, void, undefined> {
    return this.#events(
      (afterSequence, call) => this.#investigations.watchInvestigation({ investigationId, afterSequence }, call),
      (call) => this.getInvestigation(investigationId, call),
      options,
    );
  }

  /**
   * All investigations of the caller as they are, then each again whenever it changes, without end.
   *
   * A stream that breaks is reopened where it was: those that are active come again, with their latest
   * state, and so does `caughtUp`.
   */
  async *watchInvestigations(
    request: {
      /** Only those in one of these states; empty means all. */
      readonly status?: v1.JobState[];
      /** Only those of this type. */
      readonly investigationType?: v1.InvestigationType;
      /** Also those that ended after this time, at most 30 days ago. */
      readonly endedAfter?: Date;
    } = {},
    options: Omit<WatchOptions, "afterSequence"> = {},
  ): AsyncGenerator<v1.WatchInvestigationsResponse, void, undefined> {
    const { endedAfter, ...conditions } = request;
    const watch = create(v1.WatchInvestigationsRequestSchema, conditions);
    if (endedAfter) {
      watch.endedAfter = timestampFromDate(endedAfter);
    }
    const open = (call: ConnectOptions) => this.#investigations.watchInvestigations(watch, call);
    for await (const message of this.#messages(open, { ...options, heard: true })) {
      if (message.eventTime) {
        watch.endedAfter = message.eventTime;
      }
      if (options.heartbeats || message.item.case !== "heartbeat") {
        yield message;
      }
    }
  }

  /**
   * Reads the summary and one page of findings, most severe first; `findings` reads them all.
   * `FailedPreconditionError` until the investigation has ended.
   */
  getInvestigationResults(
    request: Init<typeof v1.GetInvestigationResultsRequestSchema>,
    options?: CallOptions,
  ): Promise<v1.GetInvestigationResultsResponse> {
    return this.#long((call) => this.#investigations.getInvestigationResults(request, call), options);
  }

  /** Every finding from the page of the request on, most severe first, read page by page as they are asked for. */
  findings(
    request: Init<typeof v1.GetInvestigationResultsRequestSchema>,
    options?: CallOptions,
  ): AsyncGenerator<v1.Finding, void, undefined> {
    return items(
      clone(v1.GetInvestigationResultsRequestSchema, create(v1.GetInvestigationResultsRequestSchema, request)),
      (page) => this.getInvestigationResults(page, options),
      (page) => page.findings,
    );
  }

  /** Renders the report. `FailedPreconditionError` until the investigation has completed. */
  getInvestigationReport(
    request: Init<typeof v1.GetInvestigationReportRequestSchema>,
    options?: CallOptions,
  ): Promise<v1.InvestigationReport> {
    return this.#long((call) => this.#investigations.getInvestigationReport(request, call), options);
  }

  /**
   * Says what became of a finding that was checked; kept by its id, whatever the run. `NotFoundError` if no completed
   * investigation of the caller has made it.
   */
  reviewFinding(
    request: Init<typeof v1.ReviewFindingRequestSchema>,
    options?: CallOptions,
  ): Promise<v1.FindingReview> {
    return this.#call((call) => this.#investigations.reviewFinding(request, call), options);
  }

  /** Computes a finding once more, from the version of the lake that it was made on. */
  explainFinding(findingId: string, options?: CallOptions): Promise<v1.FindingExplanation> {
    return this.#long((call) => this.#investigations.explainFinding({ findingId }, call), options);
  }

  // Analyses

  /** Stores an analysis and answers at once; a request id as for `startInvestigation`. */
  startAnalysis(
    request: Init<typeof v1.StartAnalysisRequestSchema>,
    options?: CallOptions,
  ): Promise<v1.StartAnalysisResponse> {
    const start = identified(v1.StartAnalysisRequestSchema, request);
    return this.#call((call) => this.#analyses.startAnalysis(start, call), options);
  }

  /** Reads the state of an analysis; `NotFoundError` if there is none with this id. */
  getAnalysis(analysisId: string, options?: CallOptions): Promise<v1.Analysis> {
    return this.#call((call) => this.#analyses.getAnalysis({ analysisId }, call), options);
  }

  /** Every event of an analysis, as `watchInvestigation` gives those of an investigation. */
  watchAnalysis(analysisId: string, options: WatchOptions = {}): AsyncGenerator<v1.ProgressEvent, void, undefined> {
    return this.#events(
      (afterSequence, call) => this.#analyses.watchAnalysis({ analysisId, afterSequence }, call),
      (call) => this.getAnalysis(analysisId, call),
      options,
    );
  }

  /** Reads the figures. `FailedPreconditionError` until the analysis has completed. */
  getAnalysisResults(analysisId: string, options?: CallOptions): Promise<v1.AnalysisResults> {
    return this.#long((call) => this.#analyses.getAnalysisResults({ analysisId }, call), options);
  }

  // Contracts

  /** Reads one page of contracts, by value from the largest; `contracts` reads them all. */
  searchContracts(
    request: Init<typeof v1.SearchContractsRequestSchema> = {},
    options?: CallOptions,
  ): Promise<v1.SearchContractsResponse> {
    return this.#long((call) => this.#contracts.searchContracts(request, call), options);
  }

  /**
   * Every contract that matches from the page of the request on, by value from the largest, read page by page
   * as they are asked for.
   */
  contracts(
    request: Init<typeof v1.SearchContractsRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<v1.Contract, void, undefined> {
    return items(
      clone(v1.SearchContractsRequestSchema, create(v1.SearchContractsRequestSchema, request)),
      (page) => this.searchContracts(page, options),
      (page) => page.contracts,
    );
  }

  /** Reads a contract with its items and amendments; `NotFoundError` if there is none with this id. */
  getContract(contractId: string, options?: CallOptions): Promise<v1.Contract> {
    return this.#call((call) => this.#contracts.getContract({ contractId }, call), options);
  }

  // Detectors

  /** Reads one page of the catalogue of detectors, in the order in which they run; `detectors` reads it all. */
  listDetectors(
    request: Init<typeof v1.ListDetectorsRequestSchema> = {},
    options?: CallOptions,
  ): Promise<v1.ListDetectorsResponse> {
    return this.#call((call) => this.#detectors.listDetectors(request, call), options);
  }

  /** Every detector from the page of the request on, read page by page as they are asked for. */
  detectors(
    request: Init<typeof v1.ListDetectorsRequestSchema> = {},
    options?: CallOptions,
  ): AsyncGenerator<v1.Detector, void, undefined> {
    return items(
      clone(v1.ListDetectorsRequestSchema, create(v1.ListDetectorsRequestSchema, request)),
      (page) => this.listDetectors(page, options),
      (page) => page.detectors,
    );
  }

  /** Reads what a detector means, rests on and counts; `NotFoundError` if there is none with this id. */
  getDetector(detectorId: string, options?: CallOptions): Promise<v1.Detector> {
    return this.#call((call) => this.#detectors.getDetector({ detectorId }, call), options);
  }

  // Health

  /** Probes every dependency of the server and reports each. */
  getHealth(options?: CallOptions): Promise<v1.Health> {
    return this.#call((call) => this.#health.getHealth({}, call), options);
  }

  /** The health of the server now, and again whenever it changes; reopened when it breaks, without end. */
  watchHealth(options: StreamOptions = {}): AsyncGenerator<v1.Health, void, undefined> {
    return this.#messages((call) => this.#health.watchHealth({}, call), options);
  }

  // How calls are made

  async #headers(): Promise<Record<string, string>> {
    const { credentials } = this.#options;
    if (!credentials) {
      return {};
    }
    if ("apiKey" in credentials) {
      return { "x-api-key": credentials.apiKey };
    }
    const { bearerToken } = credentials;
    return { authorization: `Bearer ${typeof bearerToken === "string" ? bearerToken : await bearerToken()}` };
  }

  /** A call that reads much. */
  #long<Answer>(method: (call: ConnectOptions) => Promise<Answer>, options: CallOptions = {}): Promise<Answer> {
    return this.#call(method, { timeoutMs: this.#options.longTimeoutMs ?? LONG_TIMEOUT_MS, ...options });
  }

  /** Makes a call, and again while the server is unavailable and there is time. */
  async #call<Answer>(method: (call: ConnectOptions) => Promise<Answer>, options: CallOptions = {}): Promise<Answer> {
    const { timeoutMs = this.#options.timeoutMs ?? DEFAULT_TIMEOUT_MS, signal } = options;
    const deadline = Date.now() + timeoutMs;
    for (let failures = 1; ; failures++) {
      const headers = await this.#headers();
      try {
        // Zero would mean no limit.
        const left = Math.max(1, deadline - Date.now());
        return await method({ headers, timeoutMs: left, ...(signal && { signal }) });
      } catch (reason) {
        const error = errorOf(reason);
        if (!(error instanceof UnavailableError) || failures >= this.#retry.attempts || signal?.aborted || this.#closed) {
          throw error;
        }
        const delay = retryDelay(this.#retry, failures, error.retryDelayMs);
        if (Date.now() + delay >= deadline) {
          throw error;
        }
        await sleep(delay, signal);
      }
    }
  }

  /** The events of a job, over as many streams as it takes. */
  async *#events(
    open: (afterSequence: bigint, call: ConnectOptions) => AsyncIterable<v1.ProgressEvent>,
    read: (call: CallOptions) => Promise<{ status: v1.JobState; lastSequence: bigint }>,
    options: WatchOptions,
  ): AsyncGenerator<v1.ProgressEvent, void, undefined> {
    // Last sequence that was handed over.
    let last = options.afterSequence ?? 0n;
    const signal = options.signal && { signal: options.signal };
    const isEnd = async () => {
      const job = await read({ ...signal });
      return !ACTIVE.includes(job.status) && job.lastSequence === last;
    };
    for await (const event of this.#messages((call) => open(last, call), { ...signal, heard: true, isEnd })) {
      const heartbeat = event.kind === v1.EventKind.HEARTBEAT;
      // A heartbeat repeats the sequence of the event before it and moves nothing.
      const expected = heartbeat ? last : last + 1n;
      if (event.sequence !== expected) {
        throw new SequenceError(expected, event.sequence);
      }
      last = expected;
      if (!heartbeat || options.heartbeats) {
        yield event;
      }
      if (event.kind === v1.EventKind.FINISHED) {
        return;
      }
    }
  }

  /**
   * The messages of a stream that is opened again whenever it breaks.
   *
   * `heard` says that the server gives signs of life, without which the stream is taken for broken. `isEnd` is
   * asked when the server closes it without an error: it does so at the end of a log, but something on the way
   * may do so at any time.
   */
  async *#messages<Message>(
    open: (call: ConnectOptions) => AsyncIterable<Message>,
    options: StreamOptions & { heard?: boolean; isEnd?: () => Promise<boolean> },
  ): AsyncGenerator<Message, void, undefined> {
    const { signal, isEnd } = options;
    const idleMs = options.heard ? (this.#options.idleTimeoutMs ?? IDLE_TIMEOUT_MS) : undefined;
    for (let failures = 0; ; ) {
      const headers = await this.#headers();
      const controller = new AbortController();
      let timer: ReturnType<typeof setTimeout> | undefined;
      let idle = false;
      let error: CidadaoError;
      try {
        const ends = signal ? AbortSignal.any([signal, controller.signal]) : controller.signal;
        const stream = open({ headers, signal: ends })[Symbol.asyncIterator]();
        for (;;) {
          if (idleMs !== undefined) {
            // The clock runs while the server is waited for, not while the reader is busy.
            timer = setTimeout(() => {
              idle = true;
              controller.abort();
            }, idleMs);
          }
          const next = await stream.next();
          clearTimeout(timer);
          if (next.done) {
            break;
          }
          failures = 0;
          yield next.value;
        }
        if (isEnd && (await isEnd())) {
          return;
        }
        error = errorOfStatus(Code.Unavailable, "the stream ended before its last message");
      } catch (reason) {
        error = idle ? errorOfStatus(Code.Unavailable, `no sign of life for ${idleMs} ms`) : errorOf(reason);
      } finally {
        clearTimeout(timer);
        // Ends the stream on the server too.
        controller.abort();
      }
      failures++;
      if (!isResumable(error) || failures > this.#retry.reconnects || signal?.aborted || this.#closed) {
        throw error;
      }
      await sleep(retryDelay(this.#retry, failures, error.retryDelayMs), signal);
      if (signal?.aborted) {
        throw error;
      }
    }
  }
}

/** The items of every page. */
async function* items<Request extends { pageToken: string }, Page extends { nextPageToken: string }, Item>(
  request: Request,
  read: (request: Request) => Promise<Page>,
  itemsOf: (page: Page) => Item[],
): AsyncGenerator<Item, void, undefined> {
  do {
    const page = await read(request);
    yield* itemsOf(page);
    request.pageToken = page.nextPageToken;
  } while (request.pageToken);
}

/** A copy of the request that has a request id. */
function identified<Desc extends typeof v1.StartInvestigationRequestSchema | typeof v1.StartAnalysisRequestSchema>(
  schema: Desc,
  request: MessageInitShape<Desc>,
): MessageShape<Desc> {
  const message = clone(schema, create(schema, request));
  message.requestId ||= randomUuid();
  return message;
}

/** A random UUID; `crypto.randomUUID` is there for pages over https only. */
function randomUuid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
