/** A signal for `fetch` that gives up after so many milliseconds; AbortSignal.timeout is not there before Safari 16. */
export function within(ms) {
  const late = new AbortController();
  setTimeout(() => late.abort(), ms);
  return late.signal;
}
