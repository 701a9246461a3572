// What stands between a browser and the portal: a gateway of the tests' own that misbehaves when told to.
import {
  createServer, type IncomingHttpHeaders, type IncomingMessage, type OutgoingHttpHeaders, request as ask, type Server, type ServerResponse,
} from 'node:http';
import { type AddressInfo, type Socket } from 'node:net';

/** Something that can be waited for, and is opened by somebody else. */
class Gate {
  open: () => void = () => undefined;
  readonly opened = new Promise<void>((done) => (this.open = done));
}

/** Which requests; all, when not given. */
export type Route = RegExp;

const everything = /./;

/** One request and its answer. */
interface Line {
  /** The network forgot it: nothing goes through any more. */
  dead: boolean;
  /** The browser hung up, or everything was said. */
  closed: boolean;
  gone: Promise<void>;
}

/** Answers with this status, as a gateway whose server is away. */
interface Failure {
  route: Route;
  status: number;
}

/** What went through. */
export interface Seen {
  method: string;
  /** Path and query. */
  path: string;
  /** The answer's, once it was given. */
  status?: number;
  /** What the answer has said so far, if it is a stream of events. */
  events: string;
}

export class Proxy {
  /** Everything that was asked, oldest first. */
  readonly seen: Seen[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #failures: Failure[] = [];
  #hoarded: Route[] = [];
  readonly #stripped: { route: Route; header: string }[] = [];
  #held: { route: Route; gate: Gate }[] = [];
  /** What is under way. */
  readonly #lines = new Set<Line>();
  /** There while nothing goes through. */
  #network: Gate | undefined;
  #upstream: string;

  private constructor(upstream: string) {
    this.#upstream = upstream;
    this.#server = createServer((request, response) => void this.#take(request, response));
    // Long-lived answers are the point of it.
    this.#server.requestTimeout = 0;
    this.#server.keepAliveTimeout = 60_000;
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** Listens on a free port. */
  static async start(upstream = ''): Promise<Proxy> {
    const proxy = new Proxy(upstream);
    await new Promise<void>((done, failed) => proxy.#server.once('error', failed).listen(0, '127.0.0.1', done));
    return proxy;
  }

  /** Where visitors go, without a slash at the end. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on, new requests go there. */
  leadTo(upstream: string): void {
    this.#upstream = upstream;
  }

  /** New requests are answered with an error page. */
  fail(status = 502, route: Route = everything): void {
    this.#failures.push({ route, status });
  }

  /** Answers are kept back until their end, as some virus scanners do. */
  hoard(route: Route): void {
    this.#hoarded.push(route);
  }

  /** New requests wait until the returned function is called. */
  hold(route: Route): () => void {
    const held = { route, gate: new Gate() };
    this.#held.push(held);
    return () => {
      this.#held = this.#held.filter((other) => other !== held);
      held.gate.open();
    };
  }

  /** Answers lose this header, for a test of what another browser would make of them. */
  strip(route: Route, header: string): void {
    this.#stripped.push({ route, header });
  }

  /** No failures and no hoarding for what comes from now on. */
  heal(): void {
    this.#failures = [];
    this.#hoarded = [];
  }

  /** Ends all connections, in the middle of what they carry. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Nothing goes through any more, and nobody is told; new connections are accepted. */
  freeze(): void {
    this.#network ??= new Gate();
  }

  /** The network is back. What it held arrives late; or it is forgotten, and those connections stay silent for ever. */
  thaw({ forget = false } = {}): void {
    if (forget) for (const line of this.#lines) line.dead = true;
    this.#network?.open();
    this.#network = undefined;
  }

  /** How many requests this was asked. */
  count(route: Route): number {
    return this.seen.filter(({ path }) => route.test(path)).length;
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise<void>((done) => this.#server.close(() => done()));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const seen: Seen = { method: request.method ?? 'GET', path, events: '' };
    this.seen.push(seen);
    const line: Line = {
      dead: false,
      closed: false,
      gone: new Promise((done) => response.once('close', () => ((line.closed = true), this.#lines.delete(line), done()))),
    };
    this.#lines.add(line);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      await this.#through(line);
      for (const { route, gate } of [...this.#held]) {
        if (route.test(path)) await Promise.race([line.gone, gate.opened]);
      }
      if (line.closed) return;
      const failure = this.#failures.find(({ route }) => route.test(path));
      if (failure) {
        seen.status = failure.status;
        apologise(response, failure.status);
      } else {
        await this.#forward(request, Buffer.concat(chunks), response, seen, line);
      }
    } catch {
      if (!response.headersSent) seen.status = 502;
      apologise(response, 502);
    }
  }

  /** Waits until the network lets something through, or nobody waits for it any more. */
  async #through(line: Line): Promise<void> {
    while (!line.closed && (line.dead || this.#network)) {
      await Promise.race([line.gone, line.dead ? line.gone : this.#network?.opened]);
    }
  }

  async #forward(request: IncomingMessage, body: Buffer, response: ServerResponse, seen: Seen, line: Line): Promise<void> {
    const up = ask(`${this.#upstream}${seen.path}`, { method: seen.method, headers: endToEnd(request.headers), agent: false });
    void line.gone.then(() => up.destroy());
    const answer = await new Promise<IncomingMessage>((done, failed) => {
      up.once('response', done).on('error', failed);
      up.end(body);
    });
    await this.#through(line);
    seen.status = answer.statusCode;
    const begin = () => {
      const headers = endToEnd(answer.headers);
      for (const { route, header } of this.#stripped) if (route.test(seen.path)) delete headers[header];
      response.writeHead(answer.statusCode ?? 502, headers);
      response.flushHeaders();
    };
    if (this.#hoarded.some((route) => route.test(seen.path))) {
      const kept: Buffer[] = [];
      for await (const chunk of answer) kept.push(chunk as Buffer);
      await this.#through(line);
      begin();
      response.end(Buffer.concat(kept));
      return;
    }
    begin();
    const stream = answer.headers['content-type']?.startsWith('text/event-stream');
    for await (const chunk of answer) {
      await this.#through(line);
      if (stream) seen.events += (chunk as Buffer).toString();
      response.write(chunk);
    }
    await this.#through(line);
    response.end();
  }
}

// What belongs to one connection and not to the message (RFC 9110, 7.6.1).
function endToEnd(headers: IncomingHttpHeaders): OutgoingHttpHeaders {
  const { connection, 'keep-alive': keepAlive, 'transfer-encoding': encoding, upgrade, ...others } = headers;
  return others;
}

/** As a gateway does: a page of its own while nothing was sent, else the end of the connection. */
function apologise(response: ServerResponse, status: number): void {
  if (response.headersSent) {
    response.destroy();
    return;
  }
  response.writeHead(status, { 'Content-Type': 'text/html' });
  response.end(`<html><head><title>${status}</title></head><body><h1>${status}</h1></body></html>`);
}
