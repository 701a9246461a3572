import { statusLine } from '../../support/console.ts';
import { ask, composer, connectionState, message, reply, retryButton, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('a reply is on screen while it is being sent', async ({ page, scripted }) => {
  await ask(page, scripted);
  let send = () => {};
  const sent = new Promise<void>((done) => (send = done));
  await page.route('**/api/support/reply', async (route) => {
    await sent;
    await route.continue();
  });
  const text = unique('Shown at once');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'sending');
  send();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text)).toHaveCount(1);
});

test('a reply that failed is marked, and sent once when tried again', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(50), /50[0-9]/);
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  await stand.sandbox.faults({ graphql: { status: 500 } });
  const text = unique('This one has a hard time');
  await reply(page, text);
  await expect(message(page, text)).toHaveAttribute('data-state', 'failed');
  await expect(retryButton(message(page, text))).toBeVisible();

  await stand.sandbox.faults({});
  await retryButton(message(page, text)).click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text)).toHaveCount(1);
  expect((await stand.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);
});

test('a reply whose answer was lost is sent once, however often it is tried', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(50), /50[0-9]/);
  const threadId = await ask(page, scripted);
  // The portal takes the reply, the browser never hears of it.
  let lost = 0;
  await page.route('**/api/support/reply', async (route) => {
    if (lost > 0) return route.continue();
    lost += 1;
    await route.fetch();
    return route.fulfill({ status: 503, contentType: 'application/json', body: '{"error":"Try again.","code":"unavailable"}' });
  });
  const text = unique('Did you get this?');
  await reply(page, text);
  // Either the retry or the stream settles it; the visitor may press the button meanwhile.
  await expect(message(page, text)).toHaveAttribute('data-state', /failed|sent/);
  const again = retryButton(message(page, text));
  if (await again.isVisible()) await again.click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text)).toHaveCount(1);
  expect((await stand.sandbox.chats(threadId)).filter((chat) => chat === text)).toHaveLength(1);
  await expect(composer(page)).toBeEnabled();
});
