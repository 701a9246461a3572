// Whatever somebody writes, wherever it is shown, it is words.
import { ask, connectionState, conversation, hydrated, question } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';
import { corpus, expectInert, parts, plantSentinel } from '../../support/xss.ts';
import type { Page } from '@playwright/test';

const bubbles = '.bubble__text';

/** Every bubble as it stands in the document. */
const shown = (page: Page) =>
  page.locator(bubbles).evaluateAll((all) =>
    all.map((element) => {
      const copy = element.cloneNode(true) as Element;
      // The page's own buttons, which the server knows nothing of.
      for (const button of copy.querySelectorAll('pre > button.copy')) button.remove();
      return copy.outerHTML.replaceAll('<!---->', '');
    }),
  );

/** The same document once more from the server: it must say the same, and so must the page that wakes up from it. */
async function expectSameFromServer(page: Page): Promise<void> {
  const live = await shown(page);
  const answer = await page.request.get(page.url());
  const served = await page.evaluate(
    ([html, bubbles]) => {
      const parsed = new DOMParser().parseFromString(html as string, 'text/html');
      return [...parsed.querySelectorAll(bubbles as string)].map((element) => element.outerHTML);
    },
    [await answer.text(), bubbles],
  );
  // A page holds the newest fifty.
  expect(served).toEqual(live.slice(-50));
  await page.reload();
  await hydrated(page);
  await expectInert(page, bubbles);
  expect(await shown(page)).toEqual(served);
}

test.beforeEach(async ({ page }) => plantSentinel(page));

for (const [index, part] of parts(46).entries()) {
  test(`written by an agent as chat, part ${index + 1}`, async ({ page, stand }) => {
    const threadId = await ask(page, true);
    await connectionState(page, 'live');
    for (const text of part) await stand.sandbox.answer(threadId, text, 'chat');
    await expect(conversation(page).locator('li.message[data-role=agent]')).toHaveCount(part.length);
    await expectInert(page, bubbles);
    await expectSameFromServer(page);
  });

  test(`written in Slack and edited there, part ${index + 1}`, async ({ page, stand }) => {
    const threadId = await ask(page, true);
    await connectionState(page, 'live');
    const entries: string[] = [];
    for (const text of part) entries.push(await stand.sandbox.answer(threadId, text, 'slack'));
    await expect(conversation(page).locator('li.message[data-role=agent]')).toHaveCount(part.length);
    await expectInert(page, bubbles);
    for (const [at, text] of part.entries()) await stand.sandbox.edit(entries.at(-1 - at) as string, `edited ${text}`);
    await expect(conversation(page).locator('.message__edited:not([hidden])')).toHaveCount(part.length);
    await expectInert(page, bubbles);
    await expectSameFromServer(page);
  });

  test(`written by a visitor, part ${index + 1}; the agent's desk as well`, async ({ page, stand }) => {
    const asked = question();
    const threadId = await ask(page, true, asked);
    await connectionState(page, 'live');
    for (const [at, text] of part.entries()) {
      const form = { text, client_message_id: `hostile-${index}-${at}-0001` };
      const answer = await page.request.post(`/t/${threadId}`, { form, headers: { Origin: stand.portalUrl }, maxRedirects: 0 });
      expect(answer.status(), text).toBe(303);
    }
    await expect(conversation(page).locator('li.message')).toHaveCount(part.length + 1);
    await expectInert(page, bubbles);
    // What was typed is what is seen.
    const typed = part.map((text) => text.replace(/[^\P{Cc}\n\t]/gu, '').trimEnd().replace(/^\n+/, ''));
    expect(await page.locator(bubbles).allTextContents()).toEqual([asked.message, ...typed]);
    await expectSameFromServer(page);

    for (const text of part.slice(0, 5)) await stand.sandbox.answer(threadId, text, 'slack');
    await page.goto(`${stand.sandbox.url}/threads/${threadId}`);
    await expect(page.locator('#live')).toHaveText('Live');
    await expect(page.locator('#timeline .bubble')).toHaveCount(part.length + 6);
    await expectInert(page, 'p.text, h1, .row-title, .row-preview');
    // And live: the desk fetches its page and puts it in.
    await stand.sandbox.answer(threadId, part.at(-1) as string, 'chat');
    await expect(page.locator('#timeline .bubble')).toHaveCount(part.length + 7);
    await expectInert(page, 'p.text, h1, .row-title, .row-preview');
  });
}

test('as name and subject', async ({ page, stand }) => {
  test.setTimeout(180_000);
  const line = (text: string, max: number) => [...text.replace(/\p{Cc}/gu, ' ').replace(/\s+/g, ' ').trim()].slice(0, max).join('');
  for (const [at, text] of corpus.entries()) {
    const asked = { ...question(), name: line(text, 100), subject: line(text, 200) };
    const form = { ...asked, submission_id: `hostile-name-${at}-0001` };
    const answer = await page.request.post('/', { form, headers: { Origin: stand.portalUrl }, maxRedirects: 0 });
    expect(answer.status(), text).toBe(303);
    const path = answer.headers()['location'] as string;
    const served = await page.request.get(path);
    const title = await served.text();
    expect(title.split('</title>')[0]?.split('<title>')[1], text).not.toMatch(/[<>]/);
    if (at % 20 === 19 || at === corpus.length - 1) {
      await page.goto(path);
      await hydrated(page);
      await expect(page.locator('h1')).toHaveText(asked.subject);
      await expectInert(page, 'h1, .bubble__text, .message__name');
      await page.goto('/threads');
      await expectInert(page, '.thread__title bdi');
    }
  }
  await page.goto(`${stand.sandbox.url}/`);
  await expect(page.locator('#live')).toHaveText('Live');
  await expectInert(page, '.row b, .row-title, .row-preview');
});
