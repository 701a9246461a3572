// What was sent and has not arrived: kept on the device, sent in order, once.
import { statusLine } from '../../support/console.ts';
import { ask, composer, connectionState, hydrated, message, reply, retryButton, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { expect, test } from '../../support/test.ts';

const unreachable = /ERR_FAILED|ERR_INTERNET_DISCONNECTED|ERR_NETWORK_CHANGED/;

test('three replies without a network outlive a reload and arrive in order, once', async ({ page, scripted, stand, guard }) => {
  guard.allow(unreachable);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await page.route('**/api/support/reply', (route) => route.abort());
  const texts = ['First', 'Second', 'Third'].map(unique);
  for (const text of texts) await reply(page, text);
  for (const text of texts) await expect(message(page, text)).toHaveAttribute('data-state', 'queued');

  await page.reload();
  await hydrated(page);
  for (const text of texts) await expect(message(page, text)).toHaveAttribute('data-state', /sending|queued/);
  expect((await stand.sandbox.chats(threadId)).length).toBe(1);

  await page.unroute('**/api/support/reply');
  await page.evaluate(() => window.dispatchEvent(new Event('online')));
  for (const text of texts) await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  for (const text of texts) await expect(message(page, text)).toHaveAttribute('data-entry-id', /^t_/);
  expect((await stand.sandbox.chats(threadId)).slice(1)).toEqual(texts);
  await page.reload();
  await hydrated(page);
  for (const text of texts) await expect(message(page, text)).toHaveCount(1);
  expect((await stand.sandbox.chats(threadId)).slice(1)).toEqual(texts);
});

test('what is written offline waits, and goes out by itself', async ({ page, context, scripted, stand, guard }) => {
  guard.allow(unreachable);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await context.setOffline(true);
  const text = unique('Written in a tunnel');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'queued');
  await expect(message(page, text)).toContainText('Waiting for the network');
  await context.setOffline(false);
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect((await stand.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);
});

test('a reply that failed can be written anew or dropped, also after a reload', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(50), /50[0-9]/);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await stand.sandbox.faults({ graphql: { status: 500 } });
  const [wrong, dropped] = [unique('With a mistake'), unique('Never mind')];
  for (const text of [wrong, dropped]) {
    await reply(page, text);
    await expect(message(page, text)).toHaveAttribute('data-state', 'failed');
  }
  await stand.sandbox.faults({});
  await page.reload();
  await hydrated(page);
  await expect(message(page, wrong)).toHaveAttribute('data-state', 'failed');
  await expect(retryButton(message(page, wrong))).toBeVisible();

  await message(page, dropped).getByRole('button', { name: 'Delete' }).click();
  await expect(message(page, dropped)).toHaveCount(0);
  await message(page, wrong).getByRole('button', { name: 'Edit' }).click();
  await expect(composer(page)).toHaveValue(wrong);
  await expect(composer(page)).toBeFocused();
  await expect(message(page, wrong)).toHaveCount(0);
  const right = unique('Without a mistake');
  await reply(page, right);
  await expect(message(page, right)).toHaveAttribute('data-entry-id', /^t_/);
  await page.reload();
  await hydrated(page);
  await expect(message(page, right)).toHaveCount(1);
  await until('one reply at the desk', async () => (await stand.sandbox.chats(threadId)).length === 2);
  expect(await stand.sandbox.chats(threadId)).toContain(right);
});

test('what is typed is the same in both tabs, and outlives a reload', async ({ page, context, scripted }) => {
  const threadId = await ask(page, scripted);
  const other = await context.newPage();
  await other.goto(`/t/${threadId}`);
  await hydrated(other);
  await composer(page).fill('half a thought');
  await expect(composer(other)).toHaveValue('half a thought');
  await page.reload();
  await hydrated(page);
  await expect(composer(page)).toHaveValue('half a thought');
  await reply(page, unique('a whole thought'));
  await expect(composer(other)).toHaveValue('');
});
