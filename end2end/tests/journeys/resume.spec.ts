import type { BrowserContext, Page } from '@playwright/test';
import { statusLine } from '../../support/console.ts';
import { appears, ask, hydrated, message, question, reply, unique } from '../../support/pages.ts';
import { until } from '../../support/process.ts';
import { expect, test } from '../../support/test.ts';

const shareButton = (page: Page) => page.getByRole('button', { name: 'Copy link' });
const linkField = (page: Page, scripted: boolean) =>
  scripted ? page.getByLabel('Link to this conversation') : page.getByLabel(/open this link there/);

/** A link, as the visitor gets it: with script from the clipboard, without from the page. */
async function getLink(page: Page, scripted: boolean): Promise<string> {
  if (scripted) {
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
    await shareButton(page).click();
    await expect(page.locator('.share__said')).toHaveText(/^Link copied\. It works once, until (\d+ \p{L}+|\p{L}+ \d+)\.$/u);
    // The same sentence for those who hear the page.
    await expect(page.locator('[aria-live=polite]').filter({ hasText: 'Link copied.' })).toHaveCount(1);
    return page.evaluate(() => navigator.clipboard.readText());
  }
  await shareButton(page).click();
  await expect(page.getByText(/Continue on another device: open this link there\. It works once, until \d+ \w+\./)).toBeVisible();
  return linkField(page, scripted).inputValue();
}

/** All addresses that a browser asks for. */
function addresses(context: BrowserContext): string[] {
  const seen: string[] = [];
  context.on('request', (request) => seen.push(request.url()));
  return seen;
}

test('a conversation goes on in another browser, by a link that works once', async ({ page, scripted, stranger, stand, guard, browser }) => {
  test.slow();
  guard.allow(statusLine(403));
  const asked = question();
  const seen = [...[page, stranger].map((who) => addresses(who.context()))];
  const threadId = await ask(page, scripted, asked);
  const link = await getLink(page, scripted);
  expect(link).toMatch(new RegExp(`^${stand.portalUrl}/r/[-_.0-9A-Za-z]{100,200}$`));
  await expect(message(page, asked.message)).toBeVisible();

  await test.step('the other browser sees it and replies', async () => {
    await stranger.goto('/');
    await stranger.goto(link);
    await expect(stranger).toHaveURL(`${stand.portalUrl}/t/${threadId}`);
    if (scripted) await hydrated(stranger);
    await expect(message(stranger, asked.message)).toBeVisible();
    const text = unique('From my phone.');
    await reply(stranger, text);
    await appears(stranger, scripted, text);
    await appears(page, scripted, text);
    await until('the reply in the desk', async () => (await stand.sandbox.chats(threadId)).includes(text));
    await stranger.goto('/threads');
    await expect(stranger.getByText(asked.subject)).toBeVisible();
    await stranger.goBack();
  });

  await test.step('its history does not know the link', async () => {
    await expect(stranger).toHaveURL(`${stand.portalUrl}/t/${threadId}`);
    // However many steps the conversation took: back to where this browser was before.
    await expect(async () => {
      await stranger.goBack();
      expect(stranger.url()).toBe(`${stand.portalUrl}/`);
    }).toPass();
    const devtools = await stranger.context().newCDPSession(stranger);
    const { entries } = await devtools.send('Page.getNavigationHistory');
    expect(entries.length).toBeGreaterThan(2);
    for (const { url } of entries) expect(url).not.toContain('/r/');
  });

  await test.step('a third browser is turned away', async () => {
    const third = await browser.newContext({ javaScriptEnabled: scripted, baseURL: stand.portalUrl });
    guard.watch(third);
    const late = await third.newPage();
    const answer = await late.goto(link);
    expect(answer?.status()).toBe(403);
    await expect(late.getByRole('heading', { name: 'This link was used already' })).toBeVisible();
    await expect(late.getByText(asked.subject)).toHaveCount(0);
    expect(await late.content()).not.toContain(link.split('/r/')[1]);
    await late.getByRole('main').getByRole('link', { name: 'New request' }).click();
    await expect(late.getByRole('button', { name: 'Send request' })).toBeVisible();
    await third.close();
  });

  await test.step('whoever holds the conversation is let through', async () => {
    await page.goto(link);
    await expect(page).toHaveURL(`${stand.portalUrl}/t/${threadId}`);
  });

  await test.step('no other address held a secret', async () => {
    const all = seen.flat();
    const token = link.split('/r/')[1] ?? '';
    const cookies = (await Promise.all([page, stranger].map((who) => who.context().cookies()))).flat();
    expect(cookies.length).toBeGreaterThanOrEqual(2);
    const secrets = [token, ...cookies.map(({ value }) => value), asked.email, encodeURIComponent(asked.email)];
    const others = all.filter((url) => url !== link);
    expect(others.length).toBeGreaterThan(10);
    for (const url of others) for (const secret of secrets) expect(url).not.toContain(secret);
    expect(stand.portal.output).not.toContain(token);
  });
});

test('a browser that only looked can still be opened by a person', async ({ page, scripted, browser, stand, guard }) => {
  const asked = question();
  const threadId = await ask(page, scripted, asked);
  const link = await getLink(page, scripted);
  const context = await browser.newContext({ javaScriptEnabled: scripted, userAgent: 'Mozilla/5.0 (Linux; Android 14; CUBOT X90) Chrome/140.0.0.0 Mobile' });
  guard.watch(context);
  const looking = await context.newPage();
  const answer = await looking.goto(link);
  expect(answer?.status()).toBe(200);
  await expect(looking.getByText(asked.subject)).toHaveCount(0);
  expect(await context.cookies()).toEqual([]);
  await looking.getByRole('button', { name: 'Open the conversation' }).click();
  await expect(looking).toHaveURL(`${stand.portalUrl}/t/${threadId}`);
  await expect(message(looking, asked.message)).toBeVisible();
  await context.close();
});
