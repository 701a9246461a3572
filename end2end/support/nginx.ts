// A real nginx between browser and portal, with the http settings of Debian's package and a plain `proxy_pass`.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Daemon, installed } from './daemon.ts';
import { freePort } from './process.ts';

// Directives that are not here have nginx's defaults: HTTP/1.0 to the portal, the portal's own address as `Host`, answers
// buffered, 60 s of silence at most.
const configuration = (port: number, folder: string, upstream: string, extra: string) => `
daemon off;
master_process off;
pid ${folder}/nginx.pid;
error_log stderr;
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
  private constructor(
    /** Where visitors go, without a slash at the end. */
    readonly url: string,
    readonly daemon: Daemon,
  ) {}

  /** Before the portal listens it answers 502. `extra` are more directives for the `http` block. */
  static async start(upstream: string, extra = ''): Promise<Nginx> {
    const program = installed(['nginx'], 'install it (Debian: nginx-light, Homebrew: nginx)');
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const daemon = new Daemon('nginx');
    const file = join(daemon.folder, 'nginx.conf');
    writeFileSync(file, configuration(port, daemon.folder, upstream, extra));
    try {
      await daemon.start(program, ['-p', daemon.folder, '-c', file, '-e', 'stderr'], async () => (await fetch(url)).status > 0);
    } catch (error) {
      await daemon.close();
      throw error;
    }
    return new Nginx(url, daemon);
  }

  close(): Promise<void> {
    return this.daemon.close();
  }
}
