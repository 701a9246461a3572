import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { statusLine } from '../../support/console.ts';
import { appears, ask, message, question, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const csv = 'row;value\n1;2\n';

/** The file that a click brings, whichever tab it is reported for. */
async function downloaded(page: Page, click: () => Promise<void>): Promise<Download> {
  const here = page.waitForEvent('download');
  const there = page.context().waitForEvent('page').then((tab) => tab.waitForEvent('download'));
  const download = Promise.any([here, there]);
  await click();
  return download;
}

test('an agent sends files; they open in a tab of their own', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const answer = unique('Here is your export');
  await stand.sandbox.answer(threadId, answer, 'chat', [
    { fileName: 'export.csv', text: csv },
    { fileName: 'screen\u202egnp.txt', text: 'not really a picture' },
  ]);
  await appears(page, scripted, answer);
  const list = message(page, answer).getByRole('list', { name: 'Attachments' });
  await expect(list.getByRole('link')).toHaveCount(2);
  // What turns the direction of reading is gone.
  await expect(list.getByRole('link').nth(1)).toContainText('screengnp.txt');
  const link = list.getByRole('link', { name: /export\.csv/ });
  await expect(link).toContainText('14 B');
  await expect(link).toHaveAttribute('href', new RegExp(`^/api/support/attachment\\?threadId=${threadId}&attachmentId=att_[0-9A-Z]{26}$`));
  await expect(link).toHaveAttribute('rel', /noopener/);

  const file = await downloaded(page, () => link.click());
  expect(file.suggestedFilename()).toBe('export.csv');
  expect(await readFile(await file.path(), 'utf8')).toBe(csv);
  await expect(page).toHaveURL(new RegExp(`/t/${threadId}$`));
});

test('a file that is not clean is a page that says so', async ({ page, scripted, stand, guard }) => {
  guard.allow(statusLine(403), statusLine(503));
  const threadId = await ask(page, scripted);
  const answer = unique('Please run this');
  await stand.sandbox.answer(threadId, answer, 'chat', [{ fileName: 'tool.zip', text: 'zip' }]);
  await appears(page, scripted, answer);
  const link = message(page, answer).getByRole('link', { name: /tool\.zip/ });
  for (const [scan, words] of [
    ['INFECTED', 'This file was found to be harmful and cannot be opened.'],
    ['PENDING', 'This file is still being checked for viruses.'],
  ] as const) {
    await stand.sandbox.faults({ files: { scan } });
    const opened = page.context().waitForEvent('page');
    await link.click();
    const tab = await opened;
    await expect(tab.getByRole('heading', { name: 'This file cannot be opened' })).toBeVisible();
    await expect(tab.getByText(words)).toBeVisible();
    await expect(tab.getByRole('link', { name: 'Back to the conversation' })).toHaveAttribute('href', `/t/${threadId}`);
    if (scan === 'PENDING') {
      await stand.sandbox.faults({});
      const file = await downloaded(tab, () => tab.getByRole('link', { name: 'Try again' }).click());
      expect(file.suggestedFilename()).toBe('tool.zip');
    }
    await tab.close();
  }
});

test('a file is for those who hold the conversation', async ({ page, scripted, stranger, stand, guard }) => {
  guard.allow(statusLine(401), statusLine(404));
  const threadId = await ask(page, scripted);
  const answer = unique('For your eyes');
  await stand.sandbox.answer(threadId, answer, 'chat', [{ fileName: 'private.txt', text: 'private' }]);
  await appears(page, scripted, answer);
  const href = await message(page, answer).getByRole('link', { name: /private\.txt/ }).getAttribute('href');
  expect((await stranger.goto(href as string))?.status()).toBe(401);
  await ask(stranger, scripted, question());
  expect((await stranger.goto(href as string))?.status()).toBe(404);
  await expect(stranger.getByRole('heading', { name: 'This file cannot be opened' })).toBeVisible();
});

test('the agent attaches a file at the desk', async ({ page, scripted, stranger: desk, stand }) => {
  const threadId = await ask(page, scripted);
  const answer = unique('From the desk');
  await desk.goto(`${stand.sandbox.url}/threads/${threadId}`);
  await desk.getByLabel('Your reply').fill(answer);
  await desk.getByLabel('Attach files').setInputFiles({ name: 'notes; "a".txt', mimeType: 'text/plain', buffer: Buffer.from('ä\r\n\0') });
  await desk.getByRole('button', { name: 'Send', exact: true }).click();
  await appears(page, scripted, answer);
  const link = message(page, answer).getByRole('link');
  await expect(link).toContainText('notes; "a".txt');
  const file = await downloaded(page, () => link.click());
  expect(await readFile(await file.path())).toEqual(Buffer.from('ä\r\n\0'));
});
