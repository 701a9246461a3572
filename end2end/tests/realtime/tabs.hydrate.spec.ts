// One stream for all tabs of a browser.
import type { BrowserContext, Page } from '@playwright/test';
import { slowLines, statusLine } from '../../support/console.ts';
import { expect, type House, stream, test } from '../../support/faults.ts';
import { ask, composer, connection, connectionState, hydrated, message, unique } from '../../support/pages.ts';
import { witness } from '../../support/witness.ts';

/** How many streams the portal has open. */
async function streams(house: House): Promise<number> {
  const text = await (await fetch(`${house.portalUrl}/metrics`)).text();
  return Number(/^hotline_streams (\d+)/m.exec(text)?.[1] ?? 0);
}

const oneStream = (house: House) => expect.poll(() => streams(house), { timeout: 30_000 }).toBe(1);

async function tab(context: BrowserContext, threadId: string): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`/t/${threadId}`);
  await hydrated(page);
  return page;
}

/** Everybody shows it once, and never showed it twice. */
async function shownOnce(pages: Page[], text: string): Promise<void> {
  for (const page of pages) await expect(message(page, text)).toHaveCount(1);
}

// Eight pages take their time on a small machine.
test.describe.configure({ timeout: 300_000 });
test.beforeEach(({ guard }) => guard.allow(...slowLines));

test('eight tabs over HTTP/1.1 use one connection, and all update', async ({ page, context, scripted, house }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const tabs = [page];
  while (tabs.length < 8) tabs.push(await tab(context, threadId));
  expect(await page.evaluate(() => (performance.getEntriesByType('navigation')[0] as PerformanceNavigationTiming).nextHopProtocol)).toBe('http/1.1');
  for (const each of tabs) await connectionState(each, 'live');
  await oneStream(house);

  const witnesses = await Promise.all(tabs.map(witness));
  for (const text of [unique('For all of you'), unique('And once more')]) {
    await house.sandbox.answer(threadId, text);
    await shownOnce(tabs, text);
  }
  for (const each of witnesses) expect((await each.seen()).twice).toEqual([]);
  expect(await streams(house)).toBe(1);
});

test('the tab with the stream is closed while an answer comes: another one takes over', async ({ page, context, scripted, house }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const others = [await tab(context, threadId), await tab(context, threadId), await tab(context, threadId)];
  for (const each of others) await connectionState(each, 'live');
  await oneStream(house);
  const witnesses = await Promise.all(others.map(witness));

  const before = house.proxy.count(stream);
  const text = unique('Said while you changed hands');
  await Promise.all([page.close(), house.sandbox.answer(threadId, text)]);
  await shownOnce(others, text);
  await expect.poll(() => house.proxy.count(stream)).toBeGreaterThan(before);
  await oneStream(house);
  const after = unique('Said afterwards');
  await house.sandbox.answer(threadId, after);
  await shownOnce(others, after);
  for (const each of witnesses) {
    const { twice, lost } = await each.seen();
    expect({ twice, lost }).toEqual({ twice: [], lost: [] });
  }
});

test('the tab with the stream goes elsewhere and comes back: it listens to the new one', async ({ page, context, scripted, house }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const other = await tab(context, threadId);
  await connectionState(other, 'live');
  await page.goto('/threads');
  const text = unique('Said behind your back');
  await house.sandbox.answer(threadId, text);
  await shownOnce([other], text);
  await page.goBack();
  await connectionState(page, 'live');
  await shownOnce([page, other], text);
  await oneStream(house);
});

test('the tab with the stream is frozen: another one takes its place', async ({ page, context, scripted, house }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  const other = await tab(context, threadId);
  await connectionState(other, 'live');
  await oneStream(house);
  const browser = await context.newCDPSession(page);
  await browser.send('Page.setWebLifecycleState', { state: 'frozen' });
  const text = unique('Said while it is frozen');
  await house.sandbox.answer(threadId, text);
  await shownOnce([other], text);
  await browser.send('Page.setWebLifecycleState', { state: 'active' });
  await shownOnce([page, other], text);
  // It has noticed that it leads nobody any more.
  await oneStream(house);
  const after = unique('Said afterwards');
  await house.sandbox.answer(threadId, after);
  await shownOnce([page, other], after);
  for (const each of [page, other]) await connectionState(each, 'live');
});

test('two conversations in two tabs, on one stream', async ({ page, context, scripted, house }) => {
  const first = await ask(page, scripted);
  await connectionState(page, 'live');
  const other = await context.newPage();
  const second = await ask(other, scripted);
  await connectionState(other, 'live');
  await oneStream(house);

  const [one, two] = [unique('For the first'), unique('For the second')];
  await house.sandbox.answer(second, two);
  await house.sandbox.answer(first, one);
  await shownOnce([page], one);
  await shownOnce([other], two);
  await expect(message(page, two)).toHaveCount(0);
  await expect(message(other, one)).toHaveCount(0);
  expect(await streams(house)).toBe(1);

  // The one that goes hands the rest over.
  await page.close();
  const after = unique('For the second, once more');
  await house.sandbox.answer(second, after);
  await shownOnce([other], after);
});

test('a conversation that is removed ends for its tabs alone', async ({ page, context, scripted, house, guard }) => {
  guard.allow(statusLine(410));
  const first = await ask(page, scripted);
  const other = await context.newPage();
  const second = await ask(other, scripted);
  await connectionState(page, 'live');
  await connectionState(other, 'live');
  await house.sandbox.deleteCustomerOf(first);
  await connectionState(page, 'closed');
  await expect(composer(page)).toBeHidden();
  const text = unique('Said to who is left');
  await house.sandbox.answer(second, text);
  await shownOnce([other], text);
  await connectionState(other, 'live');
  await oneStream(house);
});

test('somebody else at the same browser: the old tab is told nothing any more', async ({ page, context, scripted, house, guard }) => {
  guard.allow(statusLine(401), statusLine(404));
  const first = await ask(page, scripted);
  await connectionState(page, 'live');
  await context.clearCookies();
  const other = await context.newPage();
  const second = await ask(other, scripted);
  await connectionState(other, 'live');
  await connectionState(page, 'closed');
  const [one, two] = [unique('For the first'), unique('For the second')];
  await house.sandbox.answer(first, one);
  await house.sandbox.answer(second, two);
  await shownOnce([other], two);
  await expect(message(page, one)).toHaveCount(0);
  await expect(message(other, one)).toHaveCount(0);
  await oneStream(house);
});

test('where tabs cannot talk to each other, each has its own stream', async ({ page, context, scripted, house }) => {
  await context.addInitScript(() => Object.defineProperty(Navigator.prototype, 'locks', { get: () => undefined }));
  const threadId = await ask(page, scripted);
  const other = await tab(context, threadId);
  for (const each of [page, other]) await connectionState(each, 'live');
  await expect.poll(() => streams(house)).toBe(2);
  const text = unique('For both of you');
  await house.sandbox.answer(threadId, text);
  await shownOnce([page, other], text);
  await expect(connection(page)).toHaveAttribute('data-state', 'live');
});
