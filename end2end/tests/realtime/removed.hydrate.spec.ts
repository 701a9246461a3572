import { connectionLines, statusLine } from '../../support/console.ts';
import { ask, composer, connection, connectionState, message, question, sendButton, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('a removed conversation says so, and its stream never comes back', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(410));
  const asked = question();
  const threadId = await ask(page, scripted, asked);
  await connectionState(page, 'live');
  await composer(page).fill('Half a sentence');
  const streams: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/api/support/stream')) streams.push(request.url());
  });

  await stand.sandbox.deleteCustomerOf(threadId);
  await connectionState(page, 'closed');
  await expect(connection(page)).toHaveText(/closed/i);
  await expect(page.getByRole('alert').filter({ hasText: 'removed' })).toBeVisible();
  await expect(composer(page)).toBeHidden();
  await expect(sendButton(page)).toBeHidden();

  // Nothing of what brings a stream back does.
  await page.evaluate(async () => {
    for (const name of ['online', 'pageshow']) window.dispatchEvent(new Event(name));
    document.dispatchEvent(new Event('visibilitychange'));
    await fetch('/livez');
    await fetch('/livez');
  });
  await connectionState(page, 'closed');
  expect(streams).toEqual([]);

  const answer = await page.reload();
  expect(answer?.status()).toBe(410);
  await expect(page.getByRole('heading', { name: 'This conversation was removed' })).toBeVisible();
  await expect(page.locator('body')).not.toContainText(asked.subject);
  await expect(page).not.toHaveTitle(new RegExp(asked.subject.slice(0, 12)));
  await page.goto('/threads');
  await expect(page.locator('body')).not.toContainText(asked.subject);
});

test('a window that was away learns it when it comes back', async ({ page, context, scripted, stand, guard }) => {
  guard.allow(...connectionLines, statusLine(410));
  const threadId = await ask(page, scripted);
  const answer = unique('Seen before.');
  await stand.sandbox.answer(threadId, answer);
  await expect(message(page, answer)).toHaveCount(1);
  await connectionState(page, 'live');
  await context.setOffline(true);
  await connectionState(page, 'offline');
  await stand.sandbox.deleteCustomerOf(threadId);
  await context.setOffline(false);
  await connectionState(page, 'closed');
  await expect(composer(page)).toBeHidden();
});
