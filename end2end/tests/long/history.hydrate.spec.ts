// What takes its time, and is the same on every screen: once, on the desktop.
import { ask, conversation, hydrated, towardsOlder } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('of a thousand messages fifty come first; whoever reads back stays at their line', async ({ page, scripted, stand }) => {
  test.setTimeout(180_000);
  const threadId = await ask(page, scripted);
  await stand.sandbox.faults({ webhooks: { drop: true } });
  for (let count = 0; count < 1000; count += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, at) => stand.sandbox.answer(threadId, `Number ${count + at}.`)));
  }
  await stand.sandbox.faults({});
  const html = await (await page.request.get(`/t/${threadId}`)).text();
  expect(html.split('class="message"').length - 1).toBeLessThanOrEqual(51);

  await page.goto(`/t/${threadId}`);
  await hydrated(page);
  const shown = conversation(page).locator('li.message');
  for (let pages = 1; pages <= 3; pages += 1) {
    await expect(shown).toHaveCount(50 * pages);
    // The one after the first: that one loses its author's name when it turns out not to be the first of its group.
    const entry = await shown.nth(2).getAttribute('data-entry-id');
    const read = page.locator(`li.message[data-entry-id="${entry}"]`);
    const go = await towardsOlder(page);
    await expect(read).toBeInViewport();
    const place = async () => (await read.boundingBox())?.y ?? NaN;
    const before = await place();
    go();
    await expect(shown).toHaveCount(50 * (pages + 1));
    await expect.poll(async () => Math.abs((await place()) - before)).toBeLessThanOrEqual(1);
    await page.unroute('**/api/support/messages?**before=**');
  }
});
