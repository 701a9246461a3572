import { arrivedThread, ask, conversation, hydrated, message, towardsOlder } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('the newest fifty first, older ones on demand', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  for (let count = 1; count <= 60; count += 1) await stand.sandbox.answer(threadId, `Message number ${count}.`);
  await page.goto(`/t/${threadId}`);
  if (scripted) await hydrated(page);
  const shown = conversation(page).locator('li.message');
  await expect(shown).toHaveCount(50);
  await expect(message(page, 'Message number 60.')).toBeInViewport();

  const older = page.getByRole('link', { name: 'Load older messages' });
  if (scripted) {
    // The one after the first: that one loses its author's name when it turns out not to be the first of its group.
    const read = message(page, 'Message number 12.');
    const place = async () => (await read.boundingBox())?.y ?? 0;
    // Coming near to the first message fetches those before; they wait here until the reader's place is known.
    const go = await towardsOlder(page);
    await expect(read).toBeInViewport();
    const before = await place();
    go();
    await expect(shown).toHaveCount(61);
    // What the reader looked at has not moved.
    await expect.poll(async () => Math.abs((await place()) - before)).toBeLessThanOrEqual(1);
    await expect(older).toBeHidden();
  } else {
    await older.click();
    await expect(page).toHaveURL(/before=/);
    await expect(shown).toHaveCount(11);
    await expect(message(page, 'Message number 1.')).toBeVisible();
    await page.getByRole('link', { name: 'go back to the newest messages' }).click();
    expect(await arrivedThread(page)).toBe(threadId);
    await expect(shown).toHaveCount(50);
  }
});
