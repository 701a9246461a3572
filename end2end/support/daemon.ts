// A server that is not ours (nginx, Redis), run by a test: in a temporary folder, ended by its process id.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { until } from './process.ts';

/** The path of the first of these programs that is installed. */
export function installed(names: string[], advice: string): string {
  // Not everybody has the folders for daemons on the path.
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  const paths = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  const found = paths.find((path) => existsSync(path));
  if (!found) throw new Error(`There is no ${names.join(' and no ')}: ${advice}, or run scripts/test.`);
  return found;
}

export class Daemon {
  /** All that it writes is here, and goes with it. */
  readonly folder: string;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(readonly name: string) {
    this.folder = mkdtempSync(join(tmpdir(), `hotline-${name}-`));
  }

  /** Starts the program; `ready` says when it can be used. */
  async start(program: string, args: string[], ready: () => Promise<boolean>): Promise<void> {
    const child = spawn(program, args, { cwd: this.folder, stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    const gone = new Promise<never>((_, failed) => {
      child.once('error', failed);
      child.once('exit', (code, signal) => failed(new Error(`${this.name} ended (${code ?? signal}): ${this.#output.slice(-2000)}`)));
    });
    gone.catch(() => undefined);
    const usable = until(this.name, ready);
    usable.catch(() => undefined);
    await Promise.race([usable, gone]);
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  /** Ends it and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise<void>((done) => child.once('exit', () => done()));
    child.kill(signal);
    // One that is held hears it only when it goes on.
    child.kill('SIGCONT');
    await gone;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
