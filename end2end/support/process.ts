// One `hotline` process of the tests' own: its port, its data folder, its log.
import { type ChildProcess, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, type WriteStream } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const root = resolve(import.meta.dirname, '../..');

/** The program under test: `HOTLINE_BIN`, else what `cargo leptos build` left. */
export function program(): string {
  const target = process.env.CARGO_TARGET_DIR ?? resolve(root, 'target');
  const found = process.env.HOTLINE_BIN ?? resolve(target, 'debug/hotline');
  if (!existsSync(found)) throw new Error(`There is no ${found}: build with "cargo leptos build", or run scripts/test.`);
  return found;
}

// Below the ports that systems hand out by themselves (Linux from 32768, others from 49152), so that no connection gets
// one of these between the probe and its use, nor while a test restarts what listened there. Each worker has its own.
const PORTS = { first: 20_000, perWorker: 1_000, workers: 12 };
const worker = Number(process.env.TEST_PARALLEL_INDEX ?? 0) % PORTS.workers;
let nextPort = Math.floor(Math.random() * PORTS.perWorker);

/** A port that nobody listens at, and that this worker gives out only once in a thousand. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS.perWorker; tries += 1) {
    const port = PORTS.first + worker * PORTS.perWorker + (nextPort++ % PORTS.perWorker);
    if (await isFree(port)) return port;
  }
  throw new Error(`all ports from ${PORTS.first + worker * PORTS.perWorker} on are taken`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = createServer();
    probe.once('error', () => done(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => done(true)));
  });
}

/** Asks until the answer is truthy; an error counts as "not yet" and is told if time runs out. */
export async function until<T>(what: string, ask: () => Promise<T | undefined | false>, timeoutMs = 30_000): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  let last: unknown = 'never true';
  while (Date.now() < deadline) {
    try {
      const answer = await ask();
      if (answer) return answer;
    } catch (error) {
      last = error;
    }
    await sleep(50);
  }
  throw new Error(`Waited ${timeoutMs} ms for ${what}: ${String(last)}`);
}

// A developer's own settings must not reach the servers under test.
function cleanEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(PLAIN|HOTLINE|LEPTOS|REDIS)_/.test(name)));
}

export interface Settings {
  args: string[];
  env: Record<string, string>;
  /** Answers 200 as soon as the process can be used. */
  readyUrl: string;
  logFile: string;
}

export class HotlineProcess {
  #child: ChildProcess | undefined;
  #log: WriteStream | undefined;
  #output = '';

  constructor(readonly settings: Settings) {}

  /** Everything it has printed, over all starts. */
  get output(): string {
    return this.#output;
  }

  /** How it ended; nothing while it runs. */
  get ended(): { code: number | null; signal: NodeJS.Signals | null } | undefined {
    const child = this.#child;
    if (!child || (child.exitCode === null && child.signalCode === null)) return undefined;
    return { code: child.exitCode, signal: child.signalCode };
  }

  async start(): Promise<void> {
    const { args, env, readyUrl, logFile } = this.settings;
    mkdirSync(dirname(logFile), { recursive: true });
    this.#log ??= createWriteStream(logFile, { flags: 'a' });
    const child = spawn(program(), args, {
      cwd: root,
      env: { ...cleanEnvironment(), RUST_LOG: 'info', HOTLINE_LOG: 'text', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#log?.write(text);
      });
    }
    const gone = new Promise<never>((_, failed) => {
      child.once('error', failed);
      child.once('exit', (code, signal) => failed(new Error(`hotline ended (${code ?? signal}):\n${this.#output.slice(-4000)}`)));
    });
    gone.catch(() => undefined);
    const ready = until(readyUrl, async () => (await fetch(readyUrl)).ok);
    ready.catch(() => undefined);
    await Promise.race([ready, gone]);
  }

  /** It stops in the middle of what it does, keeps its connections, and says nothing. */
  suspend(): void {
    this.#child?.kill('SIGSTOP');
  }

  /** It goes on as if nothing had been. */
  wake(): void {
    this.#child?.kill('SIGCONT');
  }

  /** Ends it and waits until it is gone. SIGKILL is the crash, SIGTERM the planned stop. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill(signal);
    // One that is suspended hears it only when it wakes.
    child.kill('SIGCONT');
    const late = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await gone;
    clearTimeout(late);
  }

  async close(): Promise<void> {
    await this.stop();
    this.#log?.end();
  }
}
