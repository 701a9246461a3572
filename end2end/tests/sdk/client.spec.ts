// Plain's official client, unchanged, against the sandbox: what it accepts, a portal may rely on.
import { PlainClient, SortDirection, ThreadsSortField, ThreadStatus, UpsertResult } from '@team-plain/typescript-sdk';
import { unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const plainId = (prefix: string) => expect.stringMatching(new RegExp(`^${prefix}_[0-9A-HJKMNP-TV-Z]{26}$`));
const stamp = { iso8601: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/) };

function data<T>(result: { data?: T; error?: unknown }): T {
  if (result.error || result.data === undefined) throw new Error(JSON.stringify(result.error, null, 2));
  return result.data;
}

let count = 0;
async function customer(plain: PlainClient, changes: { externalId?: string } = {}) {
  count += 1;
  const email = `sdk.${Date.now()}.${count}.${test.info().workerIndex}@example.com`;
  const { customer: made } = data(
    await plain.upsertCustomer({
      identifier: { emailAddress: email },
      onCreate: { fullName: 'Grace Hopper', email: { email, isVerified: false }, ...changes },
      onUpdate: {},
    }),
  );
  return { id: made.id, email };
}

async function chatThread(plain: PlainClient, title = unique('From the SDK')) {
  const { id: customerId } = await customer(plain);
  const thread = data(await plain.createThread({ customerIdentifier: { customerId }, title, channel: 'CHAT' as never }));
  return { thread, customerId, title };
}

test('upsertCustomer creates, keeps, updates', async ({ stand: { sandbox } }) => {
  const { plain } = sandbox;
  const email = `${unique('upsert').replace(' ', '.')}@example.com`;
  const input = {
    identifier: { emailAddress: email },
    onCreate: { fullName: 'Grace Hopper', email: { email, isVerified: true } },
    onUpdate: {},
  };
  const created = data(await plain.upsertCustomer(input));
  expect(created).toMatchObject({
    result: UpsertResult.Created,
    customer: { id: plainId('c'), fullName: 'Grace Hopper', email: { email, isVerified: true }, createdAt: stamp },
  });
  const same = data(await plain.upsertCustomer(input));
  expect(same).toMatchObject({ result: UpsertResult.Noop, customer: { id: created.customer.id } });
  const renamed = data(await plain.upsertCustomer({ ...input, onUpdate: { fullName: { value: 'Rear Admiral Hopper' } } }));
  expect(renamed).toMatchObject({
    result: UpsertResult.Updated,
    customer: { id: created.customer.id, fullName: 'Rear Admiral Hopper' },
  });
  expect(data(await plain.getCustomerByEmail({ email }))).toMatchObject({ id: created.customer.id });
});

test('createThread, sendCustomerChat, getThread', async ({ stand: { sandbox } }) => {
  const { plain } = sandbox;
  const { thread, customerId, title } = await chatThread(plain);
  expect(thread).toMatchObject({
    id: plainId('th'),
    ref: expect.stringMatching(/^T-\d+$/),
    title,
    customer: { id: customerId },
    status: ThreadStatus.Todo,
    priority: 2,
    createdAt: stamp,
  });

  const text = unique('Hello from the SDK');
  const chat = data(await plain.sendCustomerChat({ customerId, threadId: thread.id, text }));
  expect(chat).toMatchObject({ id: expect.stringMatching(/^[a-zA-Z]+_[0-9A-HJKMNP-TV-Z]{26}$/), text, attachments: [], createdAt: stamp });
  expect(await sandbox.chats(thread.id)).toEqual([text]);

  const read = data(await plain.getThread({ threadId: thread.id }));
  expect(read).toMatchObject({ id: thread.id, ref: thread.ref, title, status: ThreadStatus.Todo });
  const byRef = data(await plain.getThreadByRef({ ref: thread.ref }));
  expect(byRef).toMatchObject({ id: thread.id });
});

test('a thread that does not exist is null, not an error', async ({ stand: { sandbox } }) => {
  const result = await sandbox.plain.getThread({ threadId: 'th_01KQS44ER0KVVBRC15MBB8ADPP' });
  expect(result).toEqual({ data: null });
});

test('deleteCustomer takes the threads along', async ({ stand: { sandbox } }) => {
  const { thread, customerId } = await chatThread(sandbox.plain);
  const done = await sandbox.plain.deleteCustomer({ customerId });
  expect(done.error).toBeUndefined();
  expect(data(await sandbox.plain.getThread({ threadId: thread.id }))).toBeNull();
  expect((await sandbox.plain.deleteCustomer({ customerId })).error).toMatchObject({ errorDetails: { code: 'not_found' } });
});

test('threads of a customer, in pages', async ({ stand: { sandbox } }) => {
  const { plain } = sandbox;
  const { id: customerId } = await customer(plain);
  const made: string[] = [];
  for (const title of ['one', 'two', 'three']) {
    made.push(data(await plain.createThread({ customerIdentifier: { customerId }, title, channel: 'CHAT' as never })).id);
  }
  const page = (after?: string) =>
    plain.getThreads({
      filters: { customerIds: [customerId] },
      sortBy: { field: ThreadsSortField.CreatedAt, direction: SortDirection.Asc },
      first: 2,
      after,
    });
  const first = data(await page());
  expect(first.threads.map(({ id }) => id)).toEqual(made.slice(0, 2));
  expect(first.pageInfo).toMatchObject({ hasNextPage: true });
  const second = data(await page(first.pageInfo.endCursor ?? undefined));
  expect(second.threads.map(({ id }) => id)).toEqual(made.slice(2));
  expect(second.pageInfo).toMatchObject({ hasNextPage: false });
});

test('the status goes TODO, SNOOZED, DONE and back', async ({ stand: { sandbox } }) => {
  const { plain } = sandbox;
  const { thread, customerId } = await chatThread(plain);
  expect(data(await plain.snoozeThread({ threadId: thread.id, durationSeconds: 3600 }))).toMatchObject({ status: ThreadStatus.Snoozed });
  expect(data(await plain.markThreadAsDone({ threadId: thread.id }))).toMatchObject({ status: ThreadStatus.Done });
  data(await plain.sendCustomerChat({ customerId, threadId: thread.id, text: 'One more thing' }));
  expect(data(await plain.getThread({ threadId: thread.id }))).toMatchObject({ status: ThreadStatus.Todo });
});

test('createWebhookTarget, and reading it back', async ({ stand: { sandbox } }) => {
  const { plain } = sandbox;
  const target = data(
    await plain.createWebhookTarget({
      url: 'http://127.0.0.1:9/nobody-listens',
      description: 'made by the SDK',
      isEnabled: false,
      eventSubscriptions: [{ eventType: 'thread.chat_sent' }],
    }),
  );
  expect(target).toMatchObject({
    id: plainId('whTarget'),
    url: 'http://127.0.0.1:9/nobody-listens',
    isEnabled: false,
    eventSubscriptions: [{ eventType: 'thread.chat_sent' }],
  });
  expect(data(await plain.getWebhookTargets({ first: 25 })).webhookTargets.map(({ id }) => id)).toContain(target.id);
  data(await plain.deleteWebhookTarget({ webhookTargetId: target.id }));
  expect(data(await plain.getWebhookTargets({ first: 25 })).webhookTargets.map(({ id }) => id)).not.toContain(target.id);
});

test.describe('errors have the shape that the SDK knows', () => {
  test('a wrong key', async ({ stand: { sandbox } }) => {
    const plain = new PlainClient({ apiKey: 'plainApiKey_wrong', apiUrl: `${sandbox.url}/graphql/v1` });
    const { error } = await plain.getThread({ threadId: 'th_01KQS44ER0KVVBRC15MBB8ADPP' });
    expect(error).toMatchObject({ type: 'forbidden' });
  });

  test('a query that does not fit the schema', async ({ stand: { sandbox } }) => {
    const { error } = await sandbox.plain.rawRequest({ query: 'query { nothingOfTheKind { id } }', variables: {} });
    expect(error).toMatchObject({
      type: 'bad_request',
      graphqlErrors: [{ message: expect.any(String), extensions: { code: 'GRAPHQL_VALIDATION_FAILED' } }],
    });
  });

  test('a query that does not parse', async ({ stand: { sandbox } }) => {
    const { error } = await sandbox.plain.rawRequest({ query: 'query {', variables: {} });
    expect(error).toMatchObject({ type: 'bad_request', graphqlErrors: [{ extensions: { code: 'GRAPHQL_PARSE_FAILED' } }] });
  });

  test('text and text: the clash of ChatEntry and NoteEntry', async ({ stand: { sandbox } }) => {
    const { error } = await sandbox.plain.rawRequest({
      query: `query ($id: ID!) { thread(threadId: $id) { timelineEntries(first: 1) { edges { node { entry {
        ... on ChatEntry { text } ... on NoteEntry { text } } } } } } }`,
      variables: { id: 'th_01KQS44ER0KVVBRC15MBB8ADPP' },
    });
    expect(error).toMatchObject({ type: 'bad_request' });
  });

  test('a missing variable', async ({ stand: { sandbox } }) => {
    const { error } = await sandbox.plain.getThread({} as { threadId: string });
    expect(error).toMatchObject({ type: 'bad_request' });
  });

  test('a message to a thread that does not exist', async ({ stand: { sandbox } }) => {
    const { id: customerId } = await customer(sandbox.plain);
    const { error } = await sandbox.plain.sendCustomerChat({ customerId, threadId: 'th_01KQS44ER0KVVBRC15MBB8ADPP', text: 'Hello?' });
    expect(error).toMatchObject({
      type: 'mutation_error',
      errorDetails: { type: 'VALIDATION', code: 'not_found', message: expect.any(String), fields: expect.any(Array) },
    });
  });

  test('an empty message, and one that is too long', async ({ stand: { sandbox } }) => {
    const { thread, customerId } = await chatThread(sandbox.plain);
    for (const text of ['', 'x'.repeat(5001)]) {
      const { error } = await sandbox.plain.sendCustomerChat({ customerId, threadId: thread.id, text });
      expect(error).toMatchObject({
        type: 'mutation_error',
        errorDetails: { type: 'VALIDATION', code: 'input_validation', fields: expect.arrayContaining([expect.objectContaining({ field: 'text' })]) },
      });
    }
    expect(await sandbox.chats(thread.id)).toEqual([]);
  });

  test('an e-mail address that another customer has', async ({ stand: { sandbox } }) => {
    const { plain } = sandbox;
    const { email } = await customer(plain);
    const { error } = await plain.upsertCustomer({
      identifier: { externalId: unique('external') },
      onCreate: { fullName: 'Somebody Else', email: { email, isVerified: false } },
      onUpdate: {},
    });
    expect(error).toMatchObject({ type: 'mutation_error', errorDetails: { code: 'customer_already_exists_with_email' } });
  });

  test('pages both ways at once, and too large ones', async ({ stand: { sandbox } }) => {
    for (const variables of [{ first: 10, last: 10 }, { first: 101 }]) {
      const { error } = await sandbox.plain.getThreads(variables);
      expect(error, JSON.stringify(variables)).toBeTruthy();
    }
  });

  test('an outage', async ({ stand: { sandbox } }) => {
    await sandbox.faults({ graphql: { status: 500 } });
    const { error } = await sandbox.plain.getThreads({ first: 1 });
    expect(['internal_server_error', 'unknown']).toContain(error?.type);
  });

  test('too many requests', async ({ stand: { sandbox } }) => {
    await sandbox.faults({ graphql: { rateLimited: true } });
    const answer = await fetch(`${sandbox.url}/graphql/v1`, {
      method: 'POST',
      headers: { Authorization: 'Bearer plainApiKey_sandbox', 'Content-Type': 'application/json', 'User-Agent': 'end2end' },
      body: JSON.stringify({ query: '{ threads(first: 1) { totalCount } }' }),
    });
    expect(answer.status).toBe(429);
    expect(answer.headers.get('x-ratelimit-reset')).toBeTruthy();
    expect(await answer.json()).toMatchObject({ errors: [{ extensions: { code: 'RATE_LIMITED' } }] });
  });
});
