// The agent's side: the sandbox's /admin/ calls, and what Plain's API says about a thread.
import { PlainClient } from '@team-plain/typescript-sdk';

export type Via = 'chat' | 'slack' | 'email';

export interface DeskThread {
  id: string;
  title: string;
  status: 'TODO' | 'SNOOZED' | 'DONE';
  channel: string;
  customer: { id: string; fullName: string; email: string };
}

export interface Faults {
  graphql?: { status?: number; delayMs?: number; timeoutAfterWrite?: boolean; rateLimited?: boolean };
  webhooks?: { drop?: boolean; duplicate?: boolean; reorder?: boolean; delayMs?: number };
  files?: { scan?: 'CLEAN' | 'INFECTED' | 'PENDING' | 'FAILED' | null };
}

export class Sandbox {
  constructor(readonly url: string) {}

  /** Plain's official client, pointed at this workspace. */
  get plain(): PlainClient {
    return new PlainClient({ apiKey: 'plainApiKey_sandbox', apiUrl: `${this.url}/graphql/v1` });
  }

  async #call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const answer = await fetch(`${this.url}/admin/${path}`, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} /admin/${path}: ${answer.status} ${text}`);
    return (text ? JSON.parse(text) : undefined) as T;
  }

  threads(): Promise<DeskThread[]> {
    return this.#call('GET', 'threads');
  }

  /** The agent answers; gives the timeline entry's id. */
  async answer(threadId: string, text: string, via: Via = 'chat', files: { fileName: string; text?: string; base64?: string }[] = []): Promise<string> {
    const body = { text, via, files };
    const { timelineEntryId } = await this.#call<{ timelineEntryId: string }>('POST', `threads/${threadId}/replies`, body);
    return timelineEntryId;
  }

  async note(threadId: string, text: string): Promise<void> {
    await this.#call('POST', `threads/${threadId}/notes`, { text });
  }

  async setStatus(threadId: string, status: DeskThread['status']): Promise<void> {
    await this.#call('POST', `threads/${threadId}/status`, { status });
  }

  async edit(timelineEntryId: string, text: string): Promise<void> {
    await this.#call('PATCH', `messages/${timelineEntryId}`, { text });
  }

  async remove(timelineEntryId: string): Promise<void> {
    await this.#call('DELETE', `messages/${timelineEntryId}`);
  }

  /** An agent reacts to a Slack message, or takes it back. */
  async react(timelineEntryId: string, name: string, action: 'add' | 'remove' = 'add'): Promise<void> {
    await this.#call('POST', `messages/${timelineEntryId}/reactions`, { name, action });
  }

  /** The texts of all Slack messages of a thread as Slack keeps them; empty for deleted ones. */
  async slack(threadId: string): Promise<string[]> {
    type Entry = { entry: { __typename: string; text?: string } };
    const { timelineEntries } = await this.#call<{ timelineEntries: Entry[] }>('GET', `threads/${threadId}`);
    return timelineEntries.filter(({ entry }) => entry.__typename.startsWith('Slack')).map(({ entry }) => entry.text ?? '');
  }

  /** Deletes the thread's customer, with everything that was said. */
  async deleteCustomerOf(threadId: string): Promise<void> {
    const thread = (await this.threads()).find(({ id }) => id === threadId);
    if (!thread) throw new Error(`no thread ${threadId}`);
    await this.#call('DELETE', `customers/${thread.customer.id}`);
  }

  async faults(faults: Faults): Promise<void> {
    await this.#call('PUT', 'faults', faults);
  }

  /** How many events of a kind have reached the portal: webhooks that it took. */
  async delivered(kind = 'thread.chat_sent'): Promise<number> {
    const attempts = await this.#call<{ eventId: string; type: string; status: number | null }[]>('GET', 'deliveries');
    const taken = attempts.filter(({ type, status }) => type === kind && status === 200);
    return new Set(taken.map(({ eventId }) => eventId)).size;
  }

  /** The texts of all chats of a thread, oldest first, as an agent's client reads them. */
  async chats(threadId: string): Promise<string[]> {
    const result = await this.plain.rawRequest({
      query: `query Chats($threadId: ID!) {
        thread(threadId: $threadId) {
          timelineEntries(filters: { entryTypes: [CHAT] }, first: 100) { edges { node { id timestamp { iso8601 } entry { ... on ChatEntry { text } } } } }
        }
      }`,
      variables: { threadId },
    });
    if (result.error) throw new Error(`reading ${threadId}: ${JSON.stringify(result.error)}`);
    const { thread } = result.data as {
      thread: { timelineEntries: { edges: { node: { id: string; timestamp: { iso8601: string }; entry: { text: string } } }[] } } | null;
    };
    if (!thread) throw new Error(`no thread ${threadId}`);
    // Which end comes first, Plain does not promise.
    const nodes = thread.timelineEntries.edges.map(({ node }) => node);
    const place = ({ id, timestamp }: (typeof nodes)[number]) => `${timestamp.iso8601} ${id}`;
    return nodes.sort((a, b) => (place(a) < place(b) ? -1 : 1)).map(({ entry }) => entry.text);
  }
}
