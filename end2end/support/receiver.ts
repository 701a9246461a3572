// A webhook endpoint that keeps what it gets, as a team's own server would.
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Delivery {
  headers: IncomingHttpHeaders;
  body: string;
}

export class Receiver {
  readonly deliveries: Delivery[] = [];
  readonly #server: Server;

  constructor(answer: (delivery: Delivery, count: number) => number | Promise<number> = () => 200) {
    this.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', async () => {
        const delivery = { headers: request.headers, body: Buffer.concat(chunks).toString('utf8') };
        this.deliveries.push(delivery);
        response.statusCode = await answer(delivery, this.deliveries.length);
        response.end();
      });
    });
  }

  /** Listens on a free port; gives the address to register. */
  listen(): Promise<string> {
    return new Promise((done) => {
      this.#server.listen(0, '127.0.0.1', () => done(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/webhooks`));
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((done) => this.#server.close(() => done()));
  }
}
