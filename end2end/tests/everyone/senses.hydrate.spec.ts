// For those who hear the page, and for those whom motion makes ill.
import { conversationOf } from '../../support/everyone.ts';
import { connectionState, hydrated, message, unique } from '../../support/pages.ts';
import { expect, test } from '../../support/test.ts';

test('a new message is announced once, and the history never again', async ({ page, stand }) => {
  const path = await conversationOf(page, stand);
  await page.goto(path);
  await hydrated(page);
  await connectionState(page, 'live');
  await expect(message(page, '4713')).toBeVisible();
  // What a screen reader would be given to read, as it comes.
  await page.evaluate(() => {
    const heard: string[] = [];
    Object.assign(window, { heard });
    for (const region of document.querySelectorAll('[aria-live=polite]')) {
      new MutationObserver(() => {
        if (region.textContent) heard.push(region.textContent);
      }).observe(region, { childList: true, characterData: true, subtree: true });
    }
  });
  const heard = () => page.evaluate(() => (window as unknown as { heard: string[] }).heard);
  const answers = [unique('The first'), unique('The second')];
  for (const answer of answers) {
    await stand.sandbox.answer(path.slice('/t/'.length), answer);
    await expect(message(page, answer)).toBeVisible();
    await expect(async () => expect((await heard()).some((words) => words.includes(answer))).toBe(true)).toPass();
  }
  for (const answer of answers) {
    expect((await heard()).filter((words) => words.includes(answer)), answer).toHaveLength(1);
  }
  expect((await heard()).some((words) => words.includes('4712') || words.includes('4713'))).toBe(false);
  // The list itself stays silent, or everything would be read twice.
  await expect(page.getByRole('log')).toHaveAttribute('aria-live', 'off');
});

test.describe('who wants no motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('sees none, and reads the state', async ({ page, stand }) => {
    await page.goto(await conversationOf(page, stand));
    await hydrated(page);
    await connectionState(page, 'live');
    const moving = () =>
      page.evaluate(() =>
        document.getAnimations().filter(({ effect, playState }) => {
          const { duration, iterations } = effect?.getTiming() ?? {};
          return playState === 'running' && (Number(duration) > 1 || iterations === Number.POSITIVE_INFINITY);
        }).length,
      );
    expect(await moving()).toBe(0);
    await expect(page.locator('p.connection')).toHaveText(/Live/);
  });
});

test('the dot moves for who does not mind', async ({ page, stand }) => {
  await page.goto(await conversationOf(page, stand));
  await hydrated(page);
  await connectionState(page, 'live');
  const endless = () =>
    page.evaluate(() => document.getAnimations().filter(({ effect }) => effect?.getTiming().iterations === Number.POSITIVE_INFINITY).length);
  await expect(async () => expect(await endless()).toBeGreaterThan(0)).toPass();
});
