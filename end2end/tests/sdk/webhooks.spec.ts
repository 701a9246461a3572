// Every webhook that the sandbox emits, and every sample of send-webhook, passes the checks that a receiver built on Plain's own SDK makes.
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { verifyPlainWebhook } from '@team-plain/typescript-sdk';
import { Ajv } from 'ajv';
import addFormats from 'ajv-formats';
import { webhookSecret } from '../../support/hotline.ts';
import { unique } from '../../support/pages.ts';
import { program, until } from '../../support/process.ts';
import { type Delivery, Receiver } from '../../support/receiver.ts';
import type { Sandbox } from '../../support/sandbox.ts';
import { expect, test } from '../../support/test.ts';

const sdk = dirname(dirname(createRequire(import.meta.url).resolve('@team-plain/typescript-sdk')));
const schema = JSON.parse(readFileSync(join(sdk, 'src/webhooks/webhook-schema.json'), 'utf8')) as {
  properties: { type: { enum: string[] } };
};
const ajv = new Ajv({ strict: false, unicodeRegExp: false, allErrors: true });
(addFormats as unknown as (ajv: Ajv) => void)(ajv);
const validate = ajv.compile(schema);

async function register(sandbox: Sandbox, url: string, eventTypes: string[]): Promise<string> {
  const target = await sandbox.plain.createWebhookTarget({
    url,
    description: unique('end-to-end receiver'),
    isEnabled: true,
    // The version whose schema this SDK ships; the sandbox's default is a later one.
    version: '2026-02-27',
    eventSubscriptions: eventTypes.map((eventType) => ({ eventType })),
  });
  if (target.error) throw new Error(JSON.stringify(target.error));
  return target.data.id;
}

async function openThread(sandbox: Sandbox): Promise<{ threadId: string; customerId: string }> {
  const email = `${unique('hook').replace(' ', '.')}@example.com`;
  const upserted = await sandbox.plain.upsertCustomer({
    identifier: { emailAddress: email },
    onCreate: { fullName: 'Katherine Johnson', email: { email, isVerified: false } },
    onUpdate: {},
  });
  const customerId = upserted.data?.customer.id ?? '';
  const thread = await sandbox.plain.createThread({ customerIdentifier: { customerId }, title: unique('Webhooks'), channel: 'CHAT' as never });
  const threadId = thread.data?.id ?? '';
  expect([customerId, threadId]).toEqual([expect.stringMatching(/^c_/), expect.stringMatching(/^th_/)]);
  return { threadId, customerId };
}

interface Body {
  id: string;
  type: string;
  workspaceId: string;
  payload: { eventType: string; thread?: { id: string }; chat?: { text: string } };
  webhookMetadata: {
    webhookTargetId: string;
    webhookTargetVersion: string;
    webhookDeliveryAttemptId: string;
    webhookDeliveryAttemptNumber: number;
    webhookDeliveryAttemptTimestamp: string;
  };
}

function check({ headers, body }: Delivery): Body {
  const signature = headers['plain-request-signature'];
  const verified = verifyPlainWebhook(body, String(signature), webhookSecret);
  expect(verified.error, body).toBeUndefined();

  const parsed = JSON.parse(body) as Body;
  const valid = validate(parsed);
  expect(valid, `${parsed.type}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  expect(parsed.payload.eventType).toBe(parsed.type);

  const { webhookMetadata: attempt } = parsed;
  expect(headers).toMatchObject({
    'content-type': expect.stringMatching(/^application\/json/),
    'user-agent': expect.stringMatching(/^Plain-Webhooks\//),
    'plain-workspace-id': parsed.workspaceId,
    'plain-event-id': parsed.id,
    'plain-event-type': parsed.type,
    'plain-webhook-target-id': attempt.webhookTargetId,
    'plain-webhook-target-version': attempt.webhookTargetVersion,
    'plain-webhook-delivery-attempt-id': attempt.webhookDeliveryAttemptId,
    'plain-webhook-delivery-attempt-number': String(attempt.webhookDeliveryAttemptNumber),
    'plain-webhook-delivery-attempt-timestamp': attempt.webhookDeliveryAttemptTimestamp,
  });
  // One changed byte, or another secret, must not pass; else the check above would prove nothing.
  expect(verifyPlainWebhook(`${body} `, String(signature), webhookSecret).error).toBeTruthy();
  expect(verifyPlainWebhook(body, String(signature), createHash('sha256').update(webhookSecret).digest('hex')).error).toBeTruthy();
  return parsed;
}

test('all that the desk and a portal can do is delivered, signed and valid', async ({ stand: { sandbox } }) => {
  const receiver = new Receiver();
  const target = await register(sandbox, await receiver.listen(), schema.properties.type.enum);
  try {
    const { threadId, customerId } = await openThread(sandbox);
    const said = await sandbox.plain.sendCustomerChat({ customerId, threadId, text: 'Is anybody there? äöü 🚀 </script>' });
    expect(said.error).toBeUndefined();
    await sandbox.answer(threadId, 'We are. äöü 🚀 "quoted" \\ back');
    const slack = await sandbox.answer(threadId, 'From Slack', 'slack');
    await sandbox.edit(slack, 'From Slack, edited');
    await sandbox.remove(slack);
    await sandbox.answer(threadId, 'By e-mail', 'email');
    await sandbox.note(threadId, 'An internal thought');
    await sandbox.setStatus(threadId, 'DONE');
    await sandbox.plain.sendCustomerChat({ customerId, threadId, text: 'Not done yet' });

    const expected = [
      'thread.thread_created',
      'thread.chat_received',
      'thread.chat_sent',
      'thread.slack_message_sent',
      'thread.slack_message_updated',
      'thread.email_sent',
      'thread.note_created',
      'thread.thread_status_transitioned',
    ];
    const bodies = () => receiver.deliveries.map(({ body }) => JSON.parse(body) as Body);
    const missing = () => expected.filter((type) => !bodies().some((body) => body.type === type));
    await until('all kinds of event', async () => missing().length === 0).catch((error: unknown) => {
      throw new Error(`never delivered: ${missing().join(', ')}`, { cause: error });
    });
    const events = receiver.deliveries.map(check);
    expect(new Set(events.map(({ id }) => id)).size, 'each event once').toBe(events.length);
  } finally {
    await sandbox.plain.deleteWebhookTarget({ webhookTargetId: target });
    await receiver.close();
  }
});

test('only what was subscribed is delivered', async ({ stand: { sandbox } }) => {
  const receiver = new Receiver();
  const target = await register(sandbox, await receiver.listen(), ['thread.chat_sent']);
  try {
    const { threadId } = await openThread(sandbox);
    await sandbox.note(threadId, 'Nobody subscribed to this');
    await sandbox.answer(threadId, 'This one is wanted');
    await until('the chat', async () => receiver.deliveries.length > 0);
    expect(receiver.deliveries.map(check).map(({ type }) => type)).toEqual(['thread.chat_sent']);
  } finally {
    await sandbox.plain.deleteWebhookTarget({ webhookTargetId: target });
    await receiver.close();
  }
});

test('a refused delivery comes again: same event, next attempt, fresh time and signature', async ({ stand: { sandbox } }) => {
  test.slow();
  const receiver = new Receiver((_, count) => (count === 1 ? 500 : 200));
  const target = await register(sandbox, await receiver.listen(), ['thread.chat_sent']);
  try {
    const { threadId } = await openThread(sandbox);
    await sandbox.answer(threadId, 'Second time lucky');
    await until('the second attempt', async () => receiver.deliveries.length > 1, 60_000);
    const [first, second] = receiver.deliveries.map(check) as [Body, Body];
    expect(second.id).toBe(first.id);
    expect([first, second].map(({ webhookMetadata }) => webhookMetadata.webhookDeliveryAttemptNumber)).toEqual([1, 2]);
    expect(second.webhookMetadata.webhookDeliveryAttemptId).not.toBe(first.webhookMetadata.webhookDeliveryAttemptId);
    expect(Date.parse(second.webhookMetadata.webhookDeliveryAttemptTimestamp)).toBeGreaterThan(
      Date.parse(first.webhookMetadata.webhookDeliveryAttemptTimestamp),
    );
  } finally {
    await sandbox.plain.deleteWebhookTarget({ webhookTargetId: target });
    await receiver.close();
  }
});

/** `hotline send-webhook`, signing with the tests' secret. Fails unless it ends with 0. */
const sendWebhook = async (...args: string[]) =>
  (await promisify(execFile)(program(), ['send-webhook', '--secret', webhookSecret, ...args])).stdout;

const someThread = 'th_01KQS44ER0KVVBRC15MBB8ADPP';

test('send-webhook: the SDK verifies and parses a sample of every type that it knows', async () => {
  const receiver = new Receiver();
  const url = await receiver.listen();
  const all = schema.properties.type.enum;
  const types = all.filter((type) => JSON.stringify(schema).includes(`"const":"${type}"`));
  // This one the SDK names, and has no shape for yet.
  expect(all.filter((type) => !types.includes(type))).toEqual(['thread.thread_tenant_updated']);
  expect(types).toHaveLength(29);
  try {
    for (const type of types) {
      await sendWebhook('--type', type, '--thread', someThread, '--url', url, '--version', '2026-02-27');
    }
    expect(receiver.deliveries.map(check).map(({ type }) => type)).toEqual(types);
  } finally {
    await receiver.close();
  }
});

test('send-webhook: curl sends what is printed for it, and the portal takes it', async ({ stand: { portalUrl } }) => {
  const text = 'Printed: "quoted" \\ back, äöü 🚀';
  const printed = await sendWebhook(
    ...['--type', 'chat_sent', '--thread', someThread, '--text', text, '--count', '2'],
    ...['--url', `${portalUrl}/api/webhooks/plain`, '--print=curl'],
  );
  const answer = promisify(execFile)('curl', ['-sS', '-K', '-']);
  answer.child.stdin?.end(printed);
  const { stdout } = await answer;
  expect(stdout.match(/"outcome":"published"/g), stdout).toHaveLength(2);
});
