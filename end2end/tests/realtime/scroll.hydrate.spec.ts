import { ask, composer, connectionState, conversation, message } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('who reads further up stays there, and is told what came', async ({ page, scripted, stand }) => {
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  for (let count = 1; count <= 25; count += 1) await stand.sandbox.answer(threadId, `Line ${count}.`);
  // At the end it follows.
  await expect(message(page, 'Line 25.')).toBeInViewport();

  const read = message(page, 'Line 2.');
  await conversation(page).evaluate((list) => list.scrollTo(0, -list.scrollHeight));
  await expect(read).toBeInViewport();
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

test('who scrolls up just as an answer comes is not pulled down again', async ({ page, scripted, stand }) => {
  // Frames that wait, as they do on a slow machine.
  await page.addInitScript(() => {
    const held: FrameRequestCallback[] = [];
    const frame = window.requestAnimationFrame.bind(window);
    let holds = false;
    window.requestAnimationFrame = (callback) => (holds ? held.push(callback) : frame(callback));
    Object.assign(window, {
      holdFrames: () => (holds = true),
      goOnWithFrames: () => {
        holds = false;
        for (const callback of held.splice(0)) frame(callback);
        return new Promise((done) => frame(() => frame(done)));
      },
    });
  });
  const threadId = await ask(page, scripted);
  await connectionState(page, 'live');
  for (let count = 1; count <= 25; count += 1) await stand.sandbox.answer(threadId, `Line ${count}.`);
  await expect(message(page, 'Line 25.')).toBeInViewport();
  const jump = page.getByRole('button', { name: '1 new' });
  await expect(jump).toBeHidden();

  await page.evaluate('holdFrames()');
  await stand.sandbox.answer(threadId, 'In that moment.');
  await expect(message(page, 'In that moment.')).toHaveCount(1);
  // The line that is read, and not the distance from the end: what is below may still grow or shrink.
  const line = message(page, 'Line 18.');
  await conversation(page).evaluate((list) => list.scrollTo(0, -300));
  const before = (await line.boundingBox())?.y ?? NaN;
  await page.evaluate('goOnWithFrames()');
  await expect.poll(async () => Math.abs(((await line.boundingBox())?.y ?? NaN) - before)).toBeLessThanOrEqual(1);
  expect(await conversation(page).evaluate((list) => list.scrollTop)).toBeLessThan(-150);
  await expect(jump).toBeVisible();

  // Down at the end again, by whatever way, it has been seen.
  await conversation(page).evaluate((list) => list.scrollTo(0, 0));
  await expect(message(page, 'In that moment.')).toBeInViewport();
  await expect(jump).toBeHidden();
});
