import { type DescMessage, type MessageShape } from "@bufbuild/protobuf";
import { anyUnpack } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  BadRequestSchema,
  ErrorInfoSchema,
  RequestInfoSchema,
  RetryInfoSchema,
} from "./gen/google/rpc/error_details_pb.js";
import type { Status } from "./gen/google/rpc/status_pb.js";

/** The gRPC status codes. */
export { Code };

/** Everything that this package throws by itself. */
export class CidadaoError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
  }
}

/**
 * A stream of events left one out or repeated one: its log is not to be trusted. It is never healed by
 * asking again, because what was delivered may be wrong already.
 */
export class SequenceError extends CidadaoError {
  constructor(
    /** The sequence that had to come. */
    readonly expected: bigint,
    /** The one that came. */
    readonly received: bigint,
  ) {
    super(`event ${received} came where event ${expected} was due`);
  }
}

/** A field of a request that breaks a rule. */
export interface FieldViolation {
  /** Path of the field, for example `filters.min_value`. */
  readonly field: string;
  /** The rule, and the value that broke it. */
  readonly description: string;
}

/** What finds the details of one kind in a status. */
type Details = <Desc extends DescMessage>(schema: Desc) => MessageShape<Desc>[];

/** The status that a call ended with. Its subclasses say which kind it is. */
export class RpcError extends CidadaoError {
  /** Stable reason in UPPER_SNAKE_CASE, for example `INVESTIGATION_NOT_FOUND`; empty if none came. */
  readonly reason: string;
  /** Who defines the reason: `cidadao.ai`. */
  readonly domain: string;
  /** Everything variable in the message, by name. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Fields that break a rule. */
  readonly fieldViolations: readonly FieldViolation[];
  /** Milliseconds after which to try again; undefined if the server did not say. */
  readonly retryDelayMs: number | undefined;
  /** Id under which the server logged the cause of an internal error; empty if none came. */
  readonly requestId: string;
  /** What happened, in words, without code and fields. */
  readonly rawMessage: string;

  constructor(
    /** The gRPC status code. */
    readonly code: Code,
    message: string,
    details: Details = () => [],
    cause?: unknown,
  ) {
    const violations = details(BadRequestSchema)[0]?.fieldViolations ?? [];
    const lines = violations.map(({ field, description }) => `\n  ${field}: ${description}`);
    super(`${Code[code]}: ${message}${lines.join("")}`, { cause });
    const info = details(ErrorInfoSchema)[0];
    const delay = details(RetryInfoSchema)[0]?.retryDelay;
    this.rawMessage = message;
    this.reason = info?.reason ?? "";
    this.domain = info?.domain ?? "";
    this.metadata = { ...info?.metadata };
    this.fieldViolations = violations.map(({ field, description }) => ({ field, description }));
    this.retryDelayMs = delay && Number(delay.seconds) * 1000 + delay.nanos / 1e6;
    this.requestId = details(RequestInfoSchema)[0]?.requestId ?? "";
  }
}

/** The request breaks rules; `fieldViolations` names each field. */
export class InvalidArgumentError extends RpcError {}
/** There is nothing with this id. */
export class NotFoundError extends RpcError {}
/** The request id was used for another request. */
export class AlreadyExistsError extends RpcError {}
/** The job has not ended yet, or not with what is asked for. */
export class FailedPreconditionError extends RpcError {}
/** A sequence that the log has not reached, or keeps no longer. */
export class OutOfRangeError extends RpcError {}
/** No credentials, or none that are known. */
export class UnauthenticatedError extends RpcError {}
/** The credentials do not allow this call. */
export class PermissionDeniedError extends RpcError {}
/** Too many calls, or too large a message. */
export class ResourceExhaustedError extends RpcError {}
/** Another call was in the way. */
export class AbortedError extends RpcError {}
/** The server cannot be reached or cannot work now; try again after `retryDelayMs`. */
export class UnavailableError extends RpcError {}
/** The time of the call ran out; whether it had an effect is not known. */
export class DeadlineExceededError extends RpcError {}
/** The call was given up, here or on the way. */
export class CancelledError extends RpcError {}
/** The server does not know this call: it is older than this client. */
export class UnimplementedError extends RpcError {}
/** A defect (INTERNAL, UNKNOWN or DATA_LOSS); the log of the server has its cause under `requestId`. */
export class InternalError extends RpcError {}

const KINDS: Readonly<Record<Code, typeof RpcError>> = {
  [Code.InvalidArgument]: InvalidArgumentError,
  [Code.NotFound]: NotFoundError,
  [Code.AlreadyExists]: AlreadyExistsError,
  [Code.FailedPrecondition]: FailedPreconditionError,
  [Code.OutOfRange]: OutOfRangeError,
  [Code.Unauthenticated]: UnauthenticatedError,
  [Code.PermissionDenied]: PermissionDeniedError,
  [Code.ResourceExhausted]: ResourceExhaustedError,
  [Code.Aborted]: AbortedError,
  [Code.Unavailable]: UnavailableError,
  [Code.DeadlineExceeded]: DeadlineExceededError,
  [Code.Canceled]: CancelledError,
  [Code.Unimplemented]: UnimplementedError,
  [Code.Internal]: InternalError,
  [Code.Unknown]: InternalError,
  [Code.DataLoss]: InternalError,
};

/**
 * Whether it is worth reopening a stream after this error: a server that stops, a connection that was cut,
 * whatever stands in between. A defect is among them because another replica may not have it.
 */
export function isResumable(error: unknown): error is RpcError {
  return (
    error instanceof UnavailableError ||
    error instanceof InternalError ||
    error instanceof AbortedError ||
    error instanceof CancelledError
  );
}

/** The error of the class that goes with a code. */
export function errorOfStatus(code: Code, message: string, details?: Details, cause?: unknown): RpcError {
  return new KINDS[code](code, message, details, cause);
}

/** The typed error for whatever a call threw; what this package threw stays as it is. */
export function errorOf(reason: unknown): CidadaoError {
  if (reason instanceof CidadaoError) {
    return reason;
  }
  const error = ConnectError.from(reason);
  // A status that a server sent has no cause. What has one broke on the way, under codes that differ from
  // transport to transport: for gRPC that is UNAVAILABLE.
  const broke = error.cause instanceof Error && error.code !== Code.Canceled && error.code !== Code.DeadlineExceeded;
  const code = broke ? Code.Unavailable : error.code;
  return errorOfStatus(code, error.rawMessage, (schema) => error.findDetails(schema), reason);
}

/** The typed error for a google.rpc.Status, as answers that hold several results carry it. */
export function errorOfMessage(status: Status): RpcError {
  const code = status.code in KINDS ? (status.code as Code) : Code.Unknown;
  return errorOfStatus(code, status.message, (schema) =>
    status.details.flatMap((detail) => anyUnpack(detail, schema) ?? []),
  );
}
