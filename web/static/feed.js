// What the daemon says, asked for again and again: with If-None-Match, so that what has not changed costs nothing; with growing
// pauses while nobody answers; not at all while nobody looks.

const TIMEOUT = 10_000; // ms
const OLD = 8_000; // ms without news from the daemon, or of the daemon without L1: stale
const MISSING = 10_000; // ms until it asks again for what isn't there: an L1 reorg may bring it back

/** One resource. `data`: its newest JSON, null before the first; `missing`: the daemon says there is no such thing. */
class Resource {
  constructor(path) {
    this.path = path;
    this.data = null;
    this.etag = "";
    this.goodAt = 0; // Date.now() when L1 last said so
    this.receivedAt = 0; // performance.now() when `data` came
    this.failure = "";
    this.missing = false;
    this.missedAt = 0;
  }

  async refresh() {
    if (this.missing && performance.now() - this.missedAt < MISSING) return true;
    const headers = this.etag ? { "If-None-Match": this.etag } : {};
    let response;
    try {
      response = await fetch(this.path, { headers, cache: "no-store", credentials: "same-origin", signal: AbortSignal.timeout(TIMEOUT) });
      if (response.status === 200) {
        this.data = await response.json();
        this.etag = response.headers.get("ETag") ?? "";
        this.receivedAt = performance.now();
      }
    } catch {
      this.failure = "the daemon does not answer";
      return false;
    }
    this.missing = response.status === 404;
    this.missedAt = performance.now();
    this.failure = response.headers.get("Verdict-Failure") ?? "";
    if (response.status === 200 || response.status === 304) {
      this.goodAt = Date.now() - 1000 * Number(response.headers.get("Verdict-Age") ?? 0);
      return true;
    }
    if (!this.missing && !this.failure) this.failure = `the daemon answers with status ${response.status}`;
    return this.missing;
  }

  /** Why this is not the newest; empty if it is. */
  get staleness() {
    if (this.data === null) return "";
    if (this.failure) return this.failure;
    return Date.now() - this.goodAt > OLD ? "no news from L1" : "";
  }
}

export class Feed {
  constructor(onNews) {
    this.overview = new Resource("overview.json");
    this.details = new Map();
    this.onNews = onNews;
    this.failures = 0;
    this.running = false;
    this.timer = 0;
    this.again = false;
    document.addEventListener("visibilitychange", () => this.now());
    addEventListener("online", () => this.now());
  }

  /** What is shown in full, besides the overview: those of `paths` that are not null, and nothing else. */
  follow(...paths) {
    const wanted = paths.filter((path) => path !== null);
    const missing = wanted.filter((path) => !this.details.has(path));
    for (const path of this.details.keys()) if (!wanted.includes(path)) this.details.delete(path);
    for (const path of missing) this.details.set(path, new Resource(path));
    if (missing.length) this.now();
  }

  /** What came of `path`: { data, missing }. */
  of(path) {
    return this.details.get(path) ?? { data: null, missing: false };
  }

  /** L1's time now, in seconds: goes on while there is news. */
  get time() {
    const { data, receivedAt, staleness } = this.overview;
    if (data === null) return 0;
    return staleness ? data.time : data.time + (performance.now() - receivedAt) / 1000;
  }

  async now() {
    if (this.running) {
      this.again = true;
      return;
    }
    clearTimeout(this.timer);
    this.running = true;
    do {
      this.again = false;
      const answered = await Promise.all([this.overview, ...this.details.values()].map((each) => each.refresh()));
      this.failures = answered.every(Boolean) ? 0 : this.failures + 1;
      try {
        this.onNews();
      } catch (error) {
        console.error(error); // what can't be drawn now may be drawable with the next news
      }
    } while (this.again);
    this.running = false;
    if (!document.hidden) this.timer = setTimeout(() => this.now(), this.pause);
  }

  /** Milliseconds until it asks again. */
  get pause() {
    return Math.min(1000 * 2 ** Math.max(0, this.failures - 1), 10_000);
  }
}
