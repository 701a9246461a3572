// A real nginx between browser and portal, with the http settings of Debian's package and a plain `proxy_pass`.
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort, until } from './process.ts';

function program(): string {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/local/sbin', '/opt/homebrew/bin'];
  const found = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));
  if (!found) throw new Error('There is no nginx: install it (Debian: nginx-light, Homebrew: nginx), or run scripts/test.');
  return found;
}

// All that it writes stays in its own folder. Directives that are not here have nginx's defaults: HTTP/1.0 to the
// portal, its own name as `Host`, answers buffered, 60 s of silence at most.
const configuration = (port: number, folder: string, upstream: string, extra: string) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log ${folder}/error.txt;
events { worker_connections 768; }
http {
  sendfile on;
  tcp_nopush on;
  types_hash_max_size 2048;
  default_type application/octet-stream;
  gzip on;
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((what) => `${what}_temp_path ${folder}/${what};`).join(' ')}
  ${extra}
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass ${upstream}; }
  }
}
`;

export class Nginx {
  #child: ChildProcess | undefined;

  private constructor(
    /** Where visitors go, without a slash at the end. */
    readonly url: string,
    readonly folder: string,
  ) {}

  /** Before the portal listens it answers 502. `extra` are more directives for the `http` block. */
  static async start(upstream: string, extra = ''): Promise<Nginx> {
    const port = await freePort();
    const nginx = new Nginx(`http://127.0.0.1:${port}`, mkdtempSync(join(tmpdir(), 'hotline-nginx-')));
    try {
      await nginx.#run(configuration(port, nginx.folder, upstream, extra));
    } catch (error) {
      await nginx.close();
      throw error;
    }
    return nginx;
  }

  async #run(text: string): Promise<void> {
    const file = join(this.folder, 'nginx.conf');
    writeFileSync(file, text);
    const child = spawn(program(), ['-p', this.folder, '-c', file, '-e', join(this.folder, 'error.txt')], { stdio: 'ignore' });
    this.#child = child;
    const gone = new Promise<never>((_, failed) => {
      child.once('error', failed);
      child.once('exit', (code) => failed(new Error(`nginx ended (${code}): ${this.#errors()}`)));
    });
    gone.catch(() => undefined);
    const ready = until('nginx', async () => (await fetch(this.url, { redirect: 'manual' })).status > 0);
    ready.catch(() => undefined);
    await Promise.race([ready, gone]);
  }

  #errors(): string {
    const file = join(this.folder, 'error.txt');
    return existsSync(file) ? readFileSync(file, 'utf8').slice(-2000) : 'no word';
  }

  async close(): Promise<void> {
    const child = this.#child;
    if (child && child.exitCode === null && child.signalCode === null) {
      const gone = new Promise<void>((done) => child.once('exit', () => done()));
      child.kill('SIGTERM');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}
