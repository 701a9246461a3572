import { ask, composer, connectionState, conversation, message } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('who reads further up stays there, and is told what came', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  for (let count = 1; count <= 25; count += 1) await stand.sandbox.answer(threadId, `Line ${count}.`);
  // At the end it follows.
  await expect(message(page, 'Line 25.')).toBeInViewport();

  // The last answers' own read may still be under way, and the page follows what it brings: then again.
  const read = message(page, 'Line 2.');
  await expect(async () => {
    await conversation(page).evaluate((list) => list.scrollTo(0, -list.scrollHeight));
    await expect(read).toBeInViewport({ timeout: 2000 });
  }).toPass();
  const place = async () => (await read.boundingBox())?.y ?? 0;
  // What came in last may still be moving into its place.
  let before = NaN;
  await expect(async () => {
    const earlier = before;
    before = await place();
    expect(before).toBe(earlier);
  }).toPass({ intervals: [100] });
  await composer(page).fill('half a thought');
  await stand.sandbox.answer(threadId, 'Something new.');
  const jump = page.getByRole('button', { name: '1 new' });
  await expect(jump).toBeVisible();
  await expect.poll(async () => Math.abs((await place()) - before)).toBeLessThanOrEqual(1);
  await expect(message(page, 'Something new.')).not.toBeInViewport();

  // Enter on the button is for the button, not for the reply box.
  await jump.press('Enter');
  await expect(message(page, 'Something new.')).toBeInViewport();
  await expect(jump).toBeHidden();
  await expect(composer(page)).toHaveValue('half a thought');
});
