// What both entry points give.

export {
  Client,
  DEFAULT_TIMEOUT_MS,
  IDLE_TIMEOUT_MS,
  LONG_TIMEOUT_MS,
  type CallOptions,
  type ClientOptions,
  type Credentials,
  type StreamOptions,
  type WatchOptions,
} from "./client.js";
export {
  AbortedError,
  AlreadyExistsError,
  CancelledError,
  CidadaoError,
  Code,
  DeadlineExceededError,
  FailedPreconditionError,
  InternalError,
  InvalidArgumentError,
  NotFoundError,
  OutOfRangeError,
  PermissionDeniedError,
  ResourceExhaustedError,
  RpcError,
  SequenceError,
  UnauthenticatedError,
  UnavailableError,
  UnimplementedError,
  type FieldViolation,
} from "./errors.js";
export { DEFAULT_RETRY_POLICY, retryDelay, type RetryPolicy } from "./retry.js";
export * as v1 from "./v1.js";
