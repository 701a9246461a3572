// A real Redis (or Valkey) that a test can hold, kill and start again.
import { connect } from 'node:net';
import { Daemon, installed } from './daemon.ts';
import { freePort } from './process.ts';

export class Redis {
  readonly #daemon = new Daemon('redis');

  private constructor(readonly port: number) {}

  /** On a free port; keeps nothing on disk. */
  static async start(): Promise<Redis> {
    const redis = new Redis(await freePort());
    try {
      await redis.#run();
    } catch (error) {
      await redis.close();
      throw error;
    }
    return redis;
  }

  /** What belongs into `REDIS_URL`. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  async #run(): Promise<void> {
    const program = installed(['redis-server', 'valkey-server'], 'install Redis 7 or Valkey');
    const args = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no'];
    await this.#daemon.start(program, args, () => answers(this.port));
  }

  /** Its connections stay open, and nobody answers. */
  hold(): void {
    this.#daemon.signal('SIGSTOP');
  }

  goOn(): void {
    this.#daemon.signal('SIGCONT');
  }

  kill(): Promise<void> {
    return this.#daemon.stop('SIGKILL');
  }

  /** At the same port, with nothing in it. */
  startEmpty(): Promise<void> {
    return this.#run();
  }

  close(): Promise<void> {
    return this.#daemon.close();
  }
}

/** Whether it says PONG. */
function answers(port: number): Promise<boolean> {
  return new Promise((done, failed) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.setTimeout(1000, () => socket.destroy(new Error('no answer')));
    socket.once('data', (data) => (socket.destroy(), done(data.toString().startsWith('+PONG'))));
    socket.once('error', failed);
  });
}
