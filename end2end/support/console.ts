// A page that works prints no error and no warning: neither its own, nor the browser's (CSP, preload, hydration).
import type { BrowserContext } from '@playwright/test';

export class ConsoleGuard {
  /** Lines of every level, oldest first. */
  readonly lines: string[] = [];
  readonly #faults: string[] = [];
  // Chromium's own line for a form that came back with errors beside its fields.
  readonly #allowed: RegExp[] = [/^Failed to load resource: the server responded with a status of 422/];

  watch(context: BrowserContext): void {
    context.on('console', (message) => {
      this.lines.push(message.text());
      if (message.type() === 'error' || message.type() === 'warning') this.#faults.push(message.text());
    });
    context.on('weberror', (error) => this.#faults.push(`uncaught: ${error.error().message}`));
  }

  /** For a test that brings the fault about itself, for example by ending the server. */
  allow(...patterns: RegExp[]): void {
    this.#allowed.push(...patterns);
  }

  get faults(): string[] {
    return this.#faults.filter((line) => !this.#allowed.some((pattern) => pattern.test(line)));
  }
}

/** What Chromium prints while the server is away. */
export const connectionLines = [
  /^Failed to load resource: net::ERR_/,
  /net::ERR_(CONNECTION_REFUSED|CONNECTION_RESET|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|INTERNET_DISCONNECTED|NETWORK_CHANGED)/,
];

/** What Chromium prints for an answer with this status. */
export const statusLine = (status: number) => new RegExp(`^Failed to load resource: the server responded with a status of ${status}`);
