// The live stream as any client reads it, without a browser.
import type { BrowserContext } from '@playwright/test';

export interface StreamFrame {
  id?: string;
  data: { type: string; [key: string]: unknown };
}

export async function cookieHeader(context: BrowserContext, url: string): Promise<string> {
  return (await context.cookies(url)).map(({ name, value }) => `${name}=${value}`).join('; ');
}

export const streamUrl = (portalUrl: string, threadId: string) => `${portalUrl}/api/support/stream?threadId=${threadId}`;
export const messagesUrl = (portalUrl: string, threadId: string) => `${portalUrl}/api/support/messages?threadId=${threadId}`;

/** Follows a thread and keeps each frame. `raw` is everything that came over the wire. */
export class Stream {
  readonly frames: StreamFrame[] = [];
  raw = '';
  readonly #stop = new AbortController();
  #rest = '';

  static async open(url: string, cookie: string): Promise<Stream> {
    const stream = new Stream();
    const answer = await fetch(url, { headers: { Accept: 'text/event-stream', Cookie: cookie }, signal: stream.#stop.signal });
    if (!answer.ok || !answer.body) throw new Error(`${url}: ${answer.status} ${await answer.text()}`);
    void stream.#read(answer.body);
    return stream;
  }

  async #read(body: ReadableStream<Uint8Array>): Promise<void> {
    const decoder = new TextDecoder();
    try {
      const reader = body.getReader();
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        this.#take(decoder.decode(part.value, { stream: true }));
      }
    } catch (error) {
      if (!this.#stop.signal.aborted) this.raw += `\n[broken off: ${String(error)}]`;
    }
  }

  #take(text: string): void {
    this.raw += text;
    const blocks = (this.#rest + text).split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const lines = block.split('\n');
      const data = lines.filter((line) => line.startsWith('data:')).map((line) => line.slice(5).trimStart()).join('\n');
      const id = lines.find((line) => line.startsWith('id:'))?.slice(3).trim();
      if (data) this.frames.push({ id, data: JSON.parse(data) as StreamFrame['data'] });
    }
  }

  close(): void {
    this.#stop.abort();
  }
}
