/** How often and how slowly to try again what was not available. */
export interface RetryPolicy {
  /** Times that a call is tried at most; 1 means no retries. */
  readonly attempts: number;
  /** Times in a row that a stream is reopened without anything coming out of it, before it is given up. */
  readonly reconnects: number;
  /** Milliseconds before the first retry. */
  readonly initialDelayMs: number;
  /** Growth of the delay from one retry to the next. */
  readonly multiplier: number;
  /** Milliseconds that the delay grows to at most; a longer delay that the server asks for is kept to. */
  readonly maxDelayMs: number;
}

/** The policy where none is given. */
export const DEFAULT_RETRY_POLICY: RetryPolicy = {
  attempts: 8,
  reconnects: 30,
  initialDelayMs: 100,
  multiplier: 2,
  maxDelayMs: 5_000,
};

/**
 * Milliseconds to wait after this many failures in a row, of which the server asked for `asked`.
 *
 * The delay is spread at random, so that clients that lost the same server do not return together.
 */
export function retryDelay(policy: RetryPolicy, failures: number, asked = 0): number {
  const grown = Math.min(policy.maxDelayMs, policy.initialDelayMs * policy.multiplier ** (failures - 1));
  const spread = (from: number, to: number) => from + (to - from) * Math.random();
  return Math.max(grown * spread(0.5, 1), asked * spread(1, 1.2));
}

/** Waits; ends early when the signal does. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal?.addEventListener("abort", done);
    if (signal?.aborted) {
      done();
    }
  });
}
