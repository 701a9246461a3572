// A workspace with a past: what happens in a test is told to the portal as if it had happened days ago.
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

const instant = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g;

/** Stands between the portal and its workspace's API. */
export class Past {
  readonly #server: Server;
  #upstream = '';
  /** From when on things are told as older, and by how many ms; the newest first. */
  #stretches: { from: number; back: number }[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      const { 'content-type': type = '', authorization = '' } = request.headers;
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        fetch(this.#upstream, { method: 'POST', headers: { 'content-type': type, authorization }, body: Buffer.concat(parts) })
          .then(async (answer) => {
            const body = this.#told(await answer.text());
            response.writeHead(answer.status, { 'content-type': answer.headers.get('content-type') ?? '' }).end(body);
          })
          .catch(() => response.destroy());
      });
    });
    // Node's five seconds end a connection just as the portal uses it again.
    this.#server.keepAliveTimeout = 60_000;
  }

  /** Listens on a free port. */
  static async start(): Promise<Past> {
    const past = new Past();
    await new Promise<void>((done, failed) => past.#server.once('error', failed).listen(0, '127.0.0.1', done));
    return past;
  }

  /** Passes everything on to this address; gives the one to ask instead of it. */
  before(upstream: string): string {
    this.#upstream = upstream;
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/graphql/v1`;
  }

  /** What happens from now on is told as so many minutes old. */
  ago(minutes: number): void {
    this.#stretches.unshift({ from: Date.now(), back: minutes * 60_000 });
  }

  // What lies in the future, such as an address's last day, stays there.
  #told(body: string): string {
    const now = Date.now();
    return body.replace(instant, (text) => {
      const at = Date.parse(text);
      const back = at <= now ? (this.#stretches.find(({ from }) => from <= at)?.back ?? 0) : 0;
      return new Date(at - back).toISOString();
    });
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((done) => this.#server.close(done));
  }
}
