// What is rarely needed is fetched when it is first used.
import type { Page } from '@playwright/test';
import { connectionLines } from '../../support/console.ts';
import { arrivedThread, ask, composer, fillIn, hydrated, message, openForm, question, sendButton, submitButton, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const extras = '**/split_extras.wasm';
const file = (name: string) => ({ name, mimeType: 'text/plain', buffer: Buffer.from('text') });
/** What the script that fetches it prints when it cannot. */
const notFetched = /^TypeError: Failed to fetch|net::ERR_FAILED/;

function asked(page: Page): string[] {
  const urls: string[] = [];
  page.on('request', (request) => {
    if (request.url().endsWith('/split_extras.wasm')) urls.push(request.url());
  });
  return urls;
}

test('a conversation loads without it, and fetches it once, from its own build', async ({ page, scripted }) => {
  const threadId = await ask(page, scripted);
  const urls = asked(page);
  await page.goto(`/t/${threadId}`);
  await hydrated(page);
  const text = unique('No file yet');
  await composer(page).fill(text);
  await sendButton(page).click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  expect(urls).toEqual([]);
  for (const name of ['a.txt', 'b.txt']) {
    await page.locator('input[name=files]').setInputFiles(file(name));
    await expect(page.locator('.upload').filter({ hasText: name })).toHaveAttribute('data-state', 'done');
  }
  expect(urls).toHaveLength(1);
  const script = await page.locator('link[rel=modulepreload]').getAttribute('href');
  expect(new URL(urls[0] as string).pathname).toBe(script?.replace(/[^/]*$/, 'split_extras.wasm'));
});

test('where it cannot be had the page says so, goes on, and gets it with the next try', async ({ page, scripted, guard }) => {
  guard.allow(...connectionLines, notFetched);
  await ask(page, scripted);
  await page.route(extras, (route) => route.abort());
  const text = unique('Kept');
  await composer(page).fill(text);
  await page.locator('input[name=files]').setInputFiles(file('a.txt'));
  const problem = page.getByRole('alert').filter({ hasText: 'cannot be reached' });
  await expect(problem).toBeVisible();
  await expect(composer(page)).toHaveValue(text);
  await page.unroute(extras);
  await page.locator('input[name=files]').setInputFiles(file('b.txt'));
  await expect(page.locator('.upload')).toHaveAttribute('data-state', 'done');
  await expect(problem).toBeHidden();
  await sendButton(page).click();
  await expect(message(page, text)).toHaveAttribute('data-state', 'sent');
  await expect(message(page, text)).toContainText('b.txt');
});

test('without it the form goes the way that it goes without script', async ({ page, scripted, guard, stand }) => {
  guard.allow(...connectionLines, notFetched);
  await page.route(extras, (route) => route.abort());
  await openForm(page, scripted);
  const mine = question();
  await fillIn(page, mine);
  await submitButton(page).click();
  const threadId = await arrivedThread(page);
  expect(await stand.sandbox.chats(threadId)).toEqual([mine.message]);
});
