// After the answer: the rating, the visitor's own word that it is solved, transcripts, paper.
import { readFile } from 'node:fs/promises';
import type { Page } from '@playwright/test';
import { appears, ask, conversation, hydrated, markDocument, message, reply, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

const stars = (page: Page) => page.getByRole('group', { name: 'How was our help?' });
const star = (page: Page, name: string) => page.getByRole('button', { name });
const status = (page: Page) => page.locator('.status');

async function openMenu(page: Page): Promise<void> {
  await page.locator('.menu__button').click();
  await expect(page.getByRole('link', { name: 'Transcript (text)' })).toBeVisible();
}

/** With script the page hears of it; without, the visitor reloads until it says so. */
async function becomes(page: Page, scripted: boolean, words: string): Promise<void> {
  if (!scripted) {
    await expect(async () => {
      await page.reload();
      await expect(status(page)).toHaveText(words, { timeout: 500 });
    }).toPass({ timeout: 15_000 });
  }
  await expect(status(page)).toHaveText(words);
}

test('one click rates, another one corrects it, and a reload knows it', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await expect(stars(page)).toBeHidden();
  await stand.sandbox.setStatus(threadId, 'DONE');
  await becomes(page, scripted, 'Done');
  await expect(stars(page)).toBeVisible();
  await expect(page.locator('.after').getByText('This request is done. A reply reopens it.')).toBeVisible();

  const same = scripted ? await markDocument(page) : undefined;
  await star(page, '2 of 5: Bad').click();
  await expect(star(page, '2 of 5: Bad')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByText('Thank you. Your rating: 2 of 5')).toBeVisible();
  await star(page, '5 of 5: Very good').click();
  await expect(page.getByText('Thank you. Your rating: 5 of 5')).toBeVisible();
  await expect(star(page, '2 of 5: Bad')).toHaveAttribute('aria-pressed', 'false');
  await same?.();
  // What agents see is the newest of these.
  const seen = async () => {
    const result = await stand.sandbox.plain.rawRequest({
      query: `query Events($threadId: ID!) {
        thread(threadId: $threadId) {
          timelineEntries(filters: { entryTypes: [THREAD_EVENT] }, first: 100) {
            edges { node { timestamp { iso8601 } entry { ... on ThreadEventEntry { title } } } }
          }
        }
      }`,
      variables: { threadId },
    });
    const { thread } = result.data as {
      thread: { timelineEntries: { edges: { node: { timestamp: { iso8601: string }; entry: { title: string } } }[] } };
    };
    const ratings = thread.timelineEntries.edges.map(({ node }) => node).filter(({ entry }) => entry.title.startsWith('Customer rating'));
    ratings.sort((a, b) => a.timestamp.iso8601.localeCompare(b.timestamp.iso8601));
    return ratings.map(({ entry }) => entry.title);
  };
  await expect.poll(seen).toEqual(['Customer rating: 2 of 5', 'Customer rating: 5 of 5']);

  await page.reload();
  if (scripted) await hydrated(page);
  await expect(star(page, '5 of 5: Very good')).toHaveAttribute('aria-pressed', 'true');
  await expect(page.getByText('Customer rating')).toHaveCount(0);
});

test('the visitor marks it as solved, reopens it, and a reply reopens it too', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const at = async () => (await stand.sandbox.threads()).find(({ id }) => id === threadId)?.status;
  const same = scripted ? await markDocument(page) : undefined;
  await openMenu(page);
  await expect(page.getByRole('button', { name: 'Reopen' })).toBeHidden();
  await page.getByRole('button', { name: 'Mark as solved' }).click();
  await expect(status(page)).toHaveText('Done');
  await expect.poll(at).toBe('DONE');
  await expect(stars(page)).toBeVisible();

  await page.locator('.after').getByRole('button', { name: 'Reopen' }).click();
  await expect(status(page)).toHaveText('In progress');
  await expect.poll(at).toBe('TODO');
  await expect(stars(page)).toBeHidden();

  await openMenu(page);
  await page.getByRole('button', { name: 'Mark as solved' }).click();
  await expect(status(page)).toHaveText('Done');
  const again = unique('It came back.');
  await reply(page, again);
  await appears(page, scripted, again);
  await becomes(page, scripted, 'In progress');
  await same?.();
});

test('what the desk refuses is said, and nothing is pretended', async ({ page, scripted, stand, guard }) => {
  guard.allow(/status of 503/);
  const threadId = await ask(page, scripted);
  await stand.sandbox.setStatus(threadId, 'DONE');
  await becomes(page, scripted, 'Done');
  await stand.sandbox.faults({ graphql: { status: 500 } });
  await star(page, '4 of 5: Good').click();
  const problem = page.getByText(/Our support desk (could not note this down|cannot be reached)/);
  await expect(problem.first()).toBeVisible();
  await stand.sandbox.faults({});
  if (scripted) {
    await expect(star(page, '4 of 5: Good')).toHaveAttribute('aria-pressed', 'false');
    await star(page, '4 of 5: Good').click();
    await expect(page.getByText('Thank you. Your rating: 4 of 5')).toBeVisible();
    await expect(problem).toBeHidden();
  }
});

test('transcripts are downloads behind the menu', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  const answer = unique('We found the cause.');
  await stand.sandbox.answer(threadId, answer);
  await appears(page, scripted, answer);
  for (const [name, ending] of [['Transcript (text)', 'txt'], ['Transcript (JSON)', 'json']] as const) {
    await openMenu(page);
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name }).click();
    const download = await coming;
    expect(download.suggestedFilename()).toMatch(new RegExp(`^conversation-T-\\d+\\.${ending}$`));
    const text = await readFile(await download.path(), 'utf8');
    expect(text).toContain(answer);
    // The menu stays where it was: nothing was left.
    await expect(message(page, answer)).toBeVisible();
    if (await page.locator('.menu[open]').count()) await page.locator('.menu__button').click();
  }
});

test('on paper: the conversation, and nothing that is pressed', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  for (let count = 1; count <= 30; count += 1) await stand.sandbox.answer(threadId, `Line ${count} of the answer.`);
  await page.goto(`/t/${threadId}`);
  if (scripted) await hydrated(page);
  await expect(message(page, 'Line 30 of the answer.')).toHaveCount(1);
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  for (const gone of ['.site-header', '.conversation__foot', '.connection', '.menu', '.share']) {
    for (const element of await page.locator(gone).all()) await expect(element).toBeHidden();
  }
  await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
  // Nothing is cut to the screen: the page is as long as what is in it, and the list scrolls no more.
  const sizes = await conversation(page).evaluate((list) => ({
    shown: list.clientHeight,
    whole: list.scrollHeight,
    paper: getComputedStyle(document.documentElement).backgroundColor,
    ink: getComputedStyle(document.querySelector('.bubble__text') as Element).color,
  }));
  expect(sizes.shown).toBeGreaterThanOrEqual(sizes.whole - 1);
  expect(sizes.paper).toBe('rgb(255, 255, 255)');
  expect(sizes.ink).toBe('rgb(0, 0, 0)');
  const top = async (text: string) => (await message(page, text).boundingBox())?.y ?? Number.NaN;
  expect(await top('Line 1 of the answer.')).toBeLessThan(await top('Line 30 of the answer.'));
});

test('the list tells what is new', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await page.goto('/');
  const answer = unique('An answer for the list.');
  await stand.sandbox.answer(threadId, answer);
  await page.goto('/threads');
  const item = page.getByRole('link', { name: /Export stops/ }).first();
  await expect(item).toContainText('New answer');
  await expect(item).toContainText('Waiting for you');
  // With script the tab tells what was read; without, nobody can know.
  const read = scripted ? page.waitForResponse('**/api/support/read') : undefined;
  await item.click();
  await appears(page, scripted, answer);
  if (await read) {
    await page.goto('/threads');
    await expect(item).toContainText('Waiting for you');
    await expect(item).not.toContainText('New answer');
  }
});
