// A page that works prints no error and no warning: neither its own, nor the browser's (preload, hydration). And it stays
// within its bounds: it asks nobody but its own servers, breaks no policy and opens no dialog.
import type { BrowserContext } from '@playwright/test';

const POLICY = 'policy broken: ';

export class ConsoleGuard {
  /** Lines of every level, oldest first. */
  readonly lines: string[] = [];
  readonly #faults: string[] = [];
  /** What no test brings about on purpose. */
  readonly #breaches: string[] = [];
  readonly #homes = new Set<string>();
  // Chromium's own line for a form that came back with errors beside its fields.
  readonly #allowed: RegExp[] = [/^Failed to load resource: the server responded with a status of 422/];

  /** Servers that pages may ask. */
  home(...urls: string[]): void {
    for (const url of urls) this.#homes.add(new URL(url).origin);
  }

  async watch(context: BrowserContext): Promise<void> {
    context.on('console', (message) => {
      this.lines.push(message.text());
      if (message.text().startsWith(POLICY)) this.#breaches.push(message.text());
      else if (message.type() === 'error' || message.type() === 'warning') this.#faults.push(message.text());
    });
    context.on('request', (request) => {
      const { origin, protocol } = new URL(request.url());
      if (protocol !== 'data:' && !this.#homes.has(origin)) this.#breaches.push(`request to ${request.url()}`);
    });
    context.on('dialog', (dialog) => {
      this.#breaches.push(`dialog: ${dialog.message()}`);
      void dialog.dismiss();
    });
    await context.addInitScript((policy) => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.log(`${policy}${event.effectiveDirective} ${event.blockedURI} ${event.sourceFile ?? ''}`);
      });
    }, POLICY);
    context.on('weberror', (error) => this.#faults.push(`uncaught: ${error.error().message}`));
  }

  /** For a test that brings the fault about itself, for example by ending the server. */
  allow(...patterns: RegExp[]): void {
    this.#allowed.push(...patterns);
  }

  get faults(): string[] {
    return [...this.#breaches, ...this.#faults.filter((line) => !this.#allowed.some((pattern) => pattern.test(line)))];
  }
}

/** What Chromium prints while the server is away. */
export const connectionLines = [
  /^Failed to load resource: net::ERR_/,
  /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED)/,
];

/** What Chromium prints for an answer with this status. */
export const statusLine = (status: number) => new RegExp(`^Failed to load resource: the server responded with a status of ${status}`);

/** What Chromium prints where script takes long to start: many pages at once, on a small machine. */
export const slowLines = [/was preloaded using link preload but not used within a few seconds/];
